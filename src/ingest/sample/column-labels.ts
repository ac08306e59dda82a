/**
 * What offices call their columns, in English, German, French, Spanish, Italian and Dutch, as bare labels: without case,
 * accents, spaces and punctuation. Read by the guess of a profile only.
 */
import type { ColumnRole } from '../../engine/contract/sample.js'
import { bareLabel, RECIPIENT_LABELS } from '../columns.js'

function labels(words: string): ReadonlySet<string> {
  return new Set(words.trim().split(/\s+/).map(bareLabel))
}

const BY_LABEL: readonly (readonly [ColumnRole, ReadonlySet<string>])[] = [
  ['firstName', labels('firstname first forename givenname vorname rufname prenom nombre nombres nome voornaam')],
  [
    'lastName',
    labels(
      'lastname last surname familyname nachname familienname zuname nom nomdefamille apellido apellidos cognome achternaam',
    ),
  ],
  [
    'name',
    labels(`name fullname patient patientname patientenname kunde kundenname client clientname customer customername contact
      contactname kontakt ansprechpartner nomcomplet nometprenom nomprenom cliente nombrecompleto nombreyapellidos paciente
      empfanger empfangername recipientname mitglied member naam teilnehmer`),
  ],
  [
    'company',
    labels(
      'company companyname firma unternehmen organisation organization societe entreprise empresa azienda ditta bedrijf',
    ),
  ],
  [
    'email',
    labels(
      'email mail emailaddress mailadresse emailadresse courriel adressemail adresseemail correo correoelectronico',
    ),
  ],
  [
    'text',
    labels(`text message sms smstext messagetext body nachricht nachrichtentext mitteilung inhalt texte contenu mensaje texto
      contenido messaggio testo bericht`),
  ],
  [
    'keyword',
    labels(
      'keyword key template templatecode stichwort schlusselwort schlagwort vorlage motcle modele plantilla palabraclave clave code textcode textnr kennwort',
    ),
  ],
  ['timeZone', labels('timezone tz zeitzone fuseau fuseauhoraire zonahoraria husohorario tijdzone')],
]

/** Words at the beginning of labels of telephones. */
const PHONE =
  /^(?:(?:tel|telephone|telefon\p{L}*|phone|fon|mobil\p{L}*|mobile\p{L}*|handy\p{L}*|cell\p{L}*|gsm\p{L}*|natel|portable|movil|celular|rufnummer|festnetz\p{L}*|fixe|fijo|whatsapp|msisdn|sms)(?:$|[^\p{L}])|.*(?:phone|telefon|telephone|mobilnummer|handynummer|rufnummer)\p{L}*$)/u
const MOBILE = /mobil|handy|cell|gsm|natel|portable|movil|komorka|whatsapp|msisdn|sms/u
/** Numbers that nobody is messaged on, or that are no telephones. */
const NOT_RECIPIENT =
  /(?:^|[^\p{L}])(?:fax|telefax|from|sender|absender|expediteur|remitente|unsere|our|iban|bic|konto\p{L}*|account|invoice|rechnung\p{L}*|facture|factura|plz|zip|postcode|postleitzahl|cp|id|ids|ref|reference|ssn|nhs|vat|dni|nif)(?:$|[^\p{L}])|(?:^|[^\p{L}])(?:customer|client|patient|member|membership|order|policy|contract|case|ticket|booking|insurance)[ ._-]*(?:no|nr|num|number)(?:$|[^\p{L}])|(?:kunden|auftrags|patienten|rechnungs|versicherungs|mitglieds|artikel)n(?:umme)?r|faxn/u

/** When a message is to leave, said plainly. */
const SENDING =
  labels(`sendat senddate sendtime sendon senddatetime sendedatum sendezeit sendetermin sendenam sendenum schedule
  scheduledat scheduled dispatch dispatchdate dispatchtime versand versanddatum versandzeit versandtag versandam versandum
  versandzeitpunkt dateenvoi datedenvoi heureenvoi heuredenvoi envoi envoyerle fechaenvio fechadeenvio horaenvio horadeenvio
  enviarel datainvio orainvio verzenddatum verzendtijd deliverat smsdate smstime smsdatum smszeit`)
/** A date or time of whatever it may be. */
const ANY_TIME =
  labels(`date datum fecha jour day tag data time uhrzeit zeit heure hora ora tijd datetime dateheure datumzeit
  datumuhrzeit when wann timestamp zeitpunkt dateandtime datetimeutc`)

/** As people read it, in lower case without accents: CustomerID are two words. */
function plain(label: string): string {
  const words = label
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
  return words.toLowerCase().trim()
}

/** null: it says nothing that is known here. */
export function roleByLabel(label: string): ColumnRole | null {
  if (isPhoneLabel(label)) return 'phone'
  const bare = bareLabel(label)
  return BY_LABEL.find(([, known]) => known.has(bare))?.[0] ?? null
}

export function isPhoneLabel(label: string): boolean {
  if (isOtherNumber(label)) return false
  return RECIPIENT_LABELS.includes(bareLabel(label)) || PHONE.test(plain(label))
}

/** A number by its label, but not one to message: fax, sender, customer number, IBAN … */
export function isOtherNumber(label: string): boolean {
  return NOT_RECIPIENT.test(plain(label))
}

export function isMobileLabel(label: string): boolean {
  return MOBILE.test(plain(label))
}

/** The column of recipients and no other, whatever else is in the file. */
export function isRecipientLabel(label: string): boolean {
  return ['to', 'recipient', 'destination', 'msisdn'].includes(bareLabel(label))
}

/** `sending`: says that it is when to send; `any`: a date or time of anything; `other`: of something else, or not said. */
export function timeMeaning(label: string): 'sending' | 'any' | 'other' {
  const bare = bareLabel(label)
  if (SENDING.has(bare)) return 'sending'
  return ANY_TIME.has(bare) ? 'any' : 'other'
}

export function isKnownLabel(label: string): boolean {
  return roleByLabel(label) !== null || isOtherNumber(label) || timeMeaning(label) !== 'other'
}
