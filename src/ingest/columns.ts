/**
 * Says which column of a file is what: by the settings, by the labels of the header, or, without a header, by content.
 * Columns are named by label or by position from 1; in the plan they count from 0. Once per file.
 */
import { EngineError } from '../engine/contract/errors.js'
import type { ColumnPlan } from '../engine/contract/ingest.js'
import type { ColumnRef, ColumnSettings } from '../engine/contract/job.js'
import type { ChannelName } from '../engine/contract/message.js'
import { normaliseLabel } from '../engine/text/label.js'
import { addressColumn } from './address-column.js'

/** What recipients' columns are called, best first, without case, accents and punctuation. */
export const RECIPIENT_LABELS: readonly string[] = `
  to mobile mobilenumber mobilephone mobilephonenumber mobileno mobile1 mob mobno mobil mobiltelefon mobilnummer mobilfunk
  mobiel movil telefonomovil telemovel cell cellphone cellnumber cellular celular handy handynummer msisdn gsm gsmnummer
  portable komorka ceptelefonu matkapuhelin мобильный мобильныйтелефон κινητο 手机 手机号 手机号码 手機 携帯 携帯電話 携帯電話番号
  휴대폰 휴대전화 جوال موبايل נייד मोबाइल recipient destination phone phonenumber phoneno phonenum phone1 telephone
  telephonenumber numerodetelephone contactnumber contactno telefon telefonnummer telefono numerodetelefono telefone
  telefoon telefoonnummer numertelefonu telefonszam puhelin puhelinnumero sodienthoai tel rufnummer телефон номертелефона
  τηλεφωνο 电话 电话号码 電話 電話番号 전화 전화번호 هاتف رقمالهاتف טלפון फोन number numero`
  .trim()
  .split(/\s+/)
  .map(bareLabel)
/** Share of the sampled cells that must look like numbers. */
const CONTENT_SHARE = 0.5

export interface Head {
  /** Cells of the header record; null without one. */
  header: string[] | null
  /** Cells of the first records. */
  sample: string[][]
}

/** Dates have as many digits as numbers. */
const DATE = /^(?:\d{4}-\d\d-\d\d|\d{1,2}([./-])\d{1,2}\1(?:19|20)\d\d)$/

/** True for a cell that can hardly be anything but a phone number. */
export function looksLikePhone(cell: string): boolean {
  const text = cell
    .trim()
    .replace(/^(?:="|')/, '')
    .replace(/"$/, '')
  if (/^\d[.,]\d+E\+\d+$/i.test(text)) return true
  if (!/^[+(]?\d[\d\s().\-/\u00a0\u202f]*$/.test(text)) return false
  const digits = text.replace(/\D/g, '').length
  return digits >= 7 && digits <= 17 && !DATE.test(text)
}

/** @throws EngineError COLUMN_UNKNOWN, RECIPIENT_COLUMN_MISSING. */
export function planColumns(head: Head, settings: ColumnSettings, channel: 'auto' | ChannelName = 'auto'): ColumnPlan {
  const labels = head.header === null ? positionLabels(head.sample) : headerLabels(head.header)
  const find = (ref: ColumnRef | undefined, name: string) => (ref === undefined ? -1 : resolve(labels, ref, name))
  const guessed: string[] = []
  const phones = settings.phones?.map((ref) => find(ref, 'phones')) ?? []
  if (settings.to !== undefined) phones.unshift(find(settings.to, 'to'))
  let email = find(settings.email, 'email')
  if (channel === 'email') {
    // The recipient is the address, by whichever of the two names it was given.
    if (email < 0) email = phones[0] ?? addressColumn(head, labels)
    if (settings.email === undefined && phones.length === 0) guessed.push('email')
    phones.length = 0
  } else if (phones.length === 0) {
    const found = head.header === null ? byContent(labels, head.sample) : byLabel(labels)
    if (found >= 0) {
      phones.push(found)
      guessed.push('to')
    } else if (email < 0) throw recipientMissing(labels)
  }
  for (const [field, ref] of Object.entries(settings.saveToContact ?? {})) find(ref, `saveToContact.${field}`)
  find(settings.tag, 'tag')
  return {
    labels,
    phones: [...new Set(phones)],
    phonesMode: settings.phonesMode ?? 'first',
    email,
    text: find(settings.text, 'text'),
    keyword: find(settings.keyword, 'keyword'),
    sendAt: find(settings.sendAt, 'sendAt'),
    sendAtTime: find(settings.sendAtTime, 'sendAtTime'),
    timeZone: find(settings.timeZone, 'timeZone'),
    language: find(settings.language, 'language'),
    fields: fieldsOf(labels, settings),
    guessed,
  }
}

export function positionLabels(sample: string[][]): string[] {
  const widths = new Map<number, number>()
  for (const { length } of sample) widths.set(length, (widths.get(length) ?? 0) + 1)
  // The width that most records have; the wider of two alike.
  const [width] = [...widths].sort((a, b) => b[1] - a[1] || b[0] - a[0])[0] ?? [1]
  return Array.from({ length: width }, (_, position) => String(position + 1))
}

export function headerLabels(header: string[]): string[] {
  let width = header.length
  while (width > 1 && header[width - 1]!.trim() === '') width--
  const labels = header.slice(0, width).map((cell, position) => cell.trim() || `_${position + 1}`)
  const seen = new Map<string, number>()
  labels.forEach((label, position) => {
    const first = seen.get(normaliseLabel(label))
    if (first !== undefined) {
      const where = `columns ${first + 1} and ${position + 1}`
      throw new EngineError('COLUMN_UNKNOWN', `The header has the label "${label}" twice (${where}); rename one.`)
    }
    seen.set(normaliseLabel(label), position)
  })
  return labels
}

/** From 0, by exact label, then by normalised label, then by position from 1; -1: there is no such column. */
export function positionOf(labels: readonly string[], ref: ColumnRef): number {
  if (typeof ref === 'string') {
    const exact = labels.indexOf(ref)
    if (exact >= 0) return exact
    const wanted = normaliseLabel(ref)
    const similar = labels.findIndex((label) => normaliseLabel(label) === wanted)
    if (similar >= 0) return similar
  }
  const position = typeof ref === 'number' ? ref : /^\d{1,3}$/.test(ref) ? Number(ref) : 0
  return Number.isInteger(position) && position >= 1 && position <= labels.length ? position - 1 : -1
}

function resolve(labels: string[], ref: ColumnRef, name: string): number {
  const position = positionOf(labels, ref)
  if (position >= 0) return position
  throw new EngineError(
    'COLUMN_UNKNOWN',
    `columns.${name} names ${JSON.stringify(ref)}; the file has ${labels.map((label) => `"${label}"`).join(', ')}.`,
    { fields: [{ pointer: `/columns/${name.replaceAll('.', '/')}`, message: 'There is no such column in the file.' }] },
  )
}

/** -1: none is called so. */
function byLabel(labels: string[]): number {
  const bare = labels.map(bareLabel)
  for (const alias of RECIPIENT_LABELS) {
    const position = bare.indexOf(alias)
    if (position >= 0) return position
  }
  return -1
}

/** Letters and digits alone. */
export function bareLabel(label: string): string {
  return normaliseLabel(label).replace(/[^\p{L}\p{N}]/gu, '')
}

function byContent(labels: string[], sample: string[][]): number {
  let best = -1
  let most = 0
  for (let position = 0; position < labels.length; position++) {
    const share = sample.filter((cells) => looksLikePhone(cells[position] ?? '')).length / Math.max(1, sample.length)
    if (share >= CONTENT_SHARE && share > most) {
      best = position
      most = share
    }
  }
  return best
}

function recipientMissing(labels: string[]): EngineError {
  const there = labels.map((label) => `"${label}"`).join(', ')
  return new EngineError(
    'RECIPIENT_COLUMN_MISSING',
    `No column is known to hold phone numbers; name it with columns.to. The file has ${there}.`,
  )
}

/** A header label wins over `param0` and over a position of the same spelling; `columns.fields` wins over all. */
function fieldsOf(labels: string[], settings: ColumnSettings): Record<string, number> {
  const fields = new Map<string, number>()
  labels.forEach((_, position) => {
    fields.set(`param${position}`, position).set(String(position + 1), position)
  })
  labels.forEach((label, position) => {
    const normal = normaliseLabel(label)
    if (normal !== '') fields.set(normal, position)
  })
  labels.forEach((label, position) => {
    fields.set(label, position)
  })
  for (const [label, ref] of Object.entries(settings.fields ?? {})) {
    fields.set(label, resolve(labels, ref, `fields.${label}`))
  }
  return Object.fromEntries(fields)
}
