/**
 * The call of a row: the play list of its template or of the job with the row's values, or its text, between what the account
 * says before and after. What is the same from row to row is put together once. The same rules as for a single message
 * (engine/messages/compose-voice.ts). Ingest threads, once per row of a job that has calls.
 */
import { isLanguage } from '../engine/base/language-tag.js'
import { EngineError } from '../engine/contract/errors.js'
import type { JobPlan, RoutePlan } from '../engine/contract/ingest.js'
import { reasonNumber } from '../engine/contract/reasons.js'
import type { PlayItem, PromptSetting, VoicePlan } from '../engine/contract/speech.js'
import { foldKeyword, Keywords } from '../engine/text/keyword.js'
import { playItem, promptTexts } from '../engine/text/prompts.js'
import type { Segmented } from '../engine/text/segment.js'
import { type SpeechFrame, type Spoken, speak, speakAgain, speechFrame, spokenPart } from '../engine/text/speaking.js'
import { compileTemplate } from '../engine/text/template.js'
import type { SourceRecord } from './record-source.js'
import type { Row } from './row-result.js'
import { RowText } from './row-text.js'

const LANGUAGE_INVALID = reasonNumber('LANGUAGE_INVALID')
const MISSING_FIELD = reasonNumber('MISSING_FIELD')

/** Of a plan that says nothing about calls: the text is spoken. */
const PLAIN: VoicePlan = {
  templates: {},
  language: '',
  usualLanguage: 'en',
  greeting: [],
  closing: null,
  recordings: new Map(),
}
/** Languages come from a column: more of them than this begin anew. */
const FRAMES_MOST = 64

/** An item with its labels bound to the columns of the file. */
type BoundItem = { kind: 'text' | 'recording'; content: RowText } | { kind: 'pause'; pauseMs: number }

interface Prompts {
  /** null: a label that no column has. */
  items: BoundItem[] | null
  /** The same for each row; null: not known yet, or not so. */
  fixed: PlayItem[] | null
  isFixed: boolean
}

/** What was put together last. */
interface Made {
  frame: SpeechFrame
  language: string
  /** The text, or the fixed play list, that it was made of. */
  of: string | readonly PlayItem[]
  spoken: Spoken
}

export class RowSpeech {
  /** Why the last `write` gave false, and the column to blame (-1 = none). */
  reason = 0
  column = -1
  readonly #plan: JobPlan
  readonly #voice: VoicePlan
  readonly #text: RowText
  readonly #keywords: Keywords
  readonly #job: Prompts | null
  readonly #byKeyword = new Map<string, Prompts | null>()
  readonly #frames = new Map<string, SpeechFrame>()
  readonly #languageColumn: number
  readonly #hasClosing: boolean
  #made: Made | null = null
  #part: { spoken: Spoken; segmented: Segmented } | null = null

  /** `text`: of the row, as SMS have it. @throws EngineError TEMPLATE_INVALID, TEMPLATE_LABEL_UNKNOWN. */
  constructor(plan: JobPlan, text: RowText) {
    const voice = plan.voice ?? PLAIN
    this.#plan = plan
    this.#voice = voice
    this.#text = text
    this.#keywords = new Keywords(plan.templates)
    this.#job = voice.prompts === undefined || voice.prompts.length === 0 ? null : this.#bind(voice.prompts)
    this.#languageColumn = plan.columns.language ?? -1
    this.#hasClosing = plan.settings.unsubscribe !== 'none'
  }

  /** Puts the row's call together. False: it has nothing that can be said; see reason and column. */
  write(record: SourceRecord, row: Row): boolean {
    const spoken = record.speech == null ? this.#compose(record, row.route!) : speakAgain(record.speech)
    if (spoken === null) return false
    if (spoken.reason !== 0) return this.#fail(spoken.reason, -1)
    row.text = spoken.text
    row.spoken = spoken
    row.segmented = this.#partOf(spoken)
    return true
  }

  #partOf(spoken: Spoken): Segmented {
    if (this.#part?.spoken === spoken) return this.#part.segmented
    const segmented = spokenPart(spoken)
    this.#part = { spoken, segmented }
    return segmented
  }

  #compose(record: SourceRecord, route: RoutePlan): Spoken | null {
    const keyword = this.#keywordOf(record)
    const language = this.#language(record, keyword)
    if (language === null) return null
    const frame = this.#frame(language, route)
    const prompts = keyword === null ? this.#job : this.#forKeyword(keyword)
    if (prompts === null) {
      const text = this.#text.render(record)
      return text === null ? this.#failAs(this.#text) : this.#speak(text, { frame, language })
    }
    const items = prompts.fixed ?? this.#fill(prompts, record)
    if (items === null) return null
    if (prompts.isFixed) prompts.fixed = items
    return this.#speak(items, { frame, language })
  }

  /** A row like the one before costs nothing. */
  #speak(of: string | readonly PlayItem[], { frame, language }: { frame: SpeechFrame; language: string }): Spoken {
    const made = this.#made
    if (made !== null && made.of === of && made.frame === frame && made.language === language) return made.spoken
    const { recordings, speech } = this.#voice
    const message = typeof of === 'string' ? [{ text: of }] : of
    const spoken = speak(message, { frame, language, recordings, speech })
    this.#made = { frame, language, of, spoken }
    return spoken
  }

  /** Folded, where the row picks its template by it; null: it does not. */
  #keywordOf(record: SourceRecord): string | null {
    const { keyword, text } = this.#plan.columns
    if (keyword < 0 || (text >= 0 && record.text(text).trim() !== '')) return null
    const folded = foldKeyword(record.text(keyword))
    return folded === '' ? null : this.#keywords.find(folded)
  }

  /** null: the column holds none. */
  #language(record: SourceRecord, keyword: string | null): string | null {
    const column = this.#languageColumn
    const written = column < 0 ? '' : record.text(column).trim()
    if (written !== '') {
      if (isLanguage(written)) return written
      this.#fail(LANGUAGE_INVALID, column)
      return null
    }
    const own = keyword === null ? undefined : this.#voice.templates[keyword]?.language
    return own ?? this.#voice.language
  }

  #frame(language: string, route: RoutePlan): SpeechFrame {
    const name = `${route.route} ${language}`
    let frame = this.#frames.get(name)
    if (frame === undefined) {
      if (this.#frames.size >= FRAMES_MOST) this.#frames.clear()
      frame = speechFrame(this.#voice, { language, terms: route.call, hasClosing: this.#hasClosing })
      this.#frames.set(name, frame)
    }
    return frame
  }

  /** null: its text is spoken. */
  #forKeyword(keyword: string): Prompts | null {
    let prompts = this.#byKeyword.get(keyword)
    if (prompts === undefined) {
      const written = this.#voice.templates[keyword]?.prompts ?? []
      prompts = written.length === 0 ? null : this.#bindTemplate(written)
      this.#byKeyword.set(keyword, prompts)
    }
    return prompts
  }

  /** The account's templates are not made for this file: one that lacks a column costs its own rows only. */
  #bindTemplate(prompts: readonly PromptSetting[]): Prompts {
    try {
      return this.#bind(prompts)
    } catch (error) {
      if (!(error instanceof EngineError && error.code === 'TEMPLATE_LABEL_UNKNOWN')) throw error
      return { items: null, fixed: null, isFixed: false }
    }
  }

  #bind(prompts: readonly PromptSetting[]): Prompts {
    const columns = { ...this.#plan.columns, text: -1, keyword: -1 }
    const items = prompts.map((prompt): BoundItem => {
      const item = playItem(prompt)
      if ('pauseMs' in item) return { kind: 'pause', pauseMs: item.pauseMs }
      const [kind, text] = 'text' in item ? (['text', item.text] as const) : (['recording', item.recording] as const)
      return { kind, content: new RowText({ text, templates: {}, columns }) }
    })
    const isFixed = promptTexts(prompts).every((text) => compileTemplate(text).labels.length === 0)
    return { items, fixed: null, isFixed }
  }

  #fill({ items }: Prompts, record: SourceRecord): PlayItem[] | null {
    if (items === null) {
      this.#fail(MISSING_FIELD, this.#plan.columns.keyword)
      return null
    }
    const filled: PlayItem[] = []
    for (const item of items) {
      if (item.kind === 'pause') {
        filled.push({ pauseMs: item.pauseMs })
        continue
      }
      const content = item.content.render(record)
      if (content === null) {
        this.#failAs(item.content)
        return null
      }
      filled.push(item.kind === 'text' ? { text: content } : { recording: content })
    }
    return filled
  }

  #failAs({ reason, column }: RowText): null {
    this.#fail(reason, column)
    return null
  }

  #fail(reason: number, column: number): false {
    this.reason = reason
    this.column = column
    return false
  }
}
