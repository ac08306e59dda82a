/**
 * Keys of an SMPP carrier about text: what its data_coding values mean, how long messages are joined, which national
 * languages its network knows (3GPP TS 23.038, TS 23.040).
 */
import { Type } from 'typebox'
import { LANGUAGES, type NationalLanguage } from '../contract/language.js'

const NAMES = LANGUAGES.slice(1)
/** Literals of a list whose names the type system does not follow through `map`. */
const Language = Type.Unsafe<NationalLanguage>(Type.Union(NAMES.map((name) => Type.Literal(name))))

export const textKeys = {
  gsm7DataCoding: Type.Integer({
    minimum: 0,
    maximum: 255,
    default: 0,
    description: 'data_coding for GSM 7-bit text.',
  }),
  binaryDataCoding: Type.Integer({
    minimum: 0,
    maximum: 255,
    default: 4,
    description: 'data_coding for 8-bit data (`data` of a message); 4, and 2 or 245 (0xF5) at some carriers.',
  }),
  gsm7Packed: Type.Boolean({
    default: false,
    description:
      'Send and read GSM 7-bit text packed, 8 characters in 7 octets; most carriers want a character an octet.',
  }),
  defaultAlphabet: Type.Union([Type.Literal('gsm7'), Type.Literal('latin1'), Type.Literal('ascii')], {
    default: 'gsm7',
    description: 'What data_coding 0 means at this carrier.',
  }),
  longMessages: Type.Union([Type.Literal('udh'), Type.Literal('udh16'), Type.Literal('sar'), Type.Literal('payload')], {
    default: 'udh',
    description: 'How parts of one message are joined.',
  }),
  nationalLanguages: Type.Array(Language, {
    default: [],
    description: `Languages whose shift tables the network and its phones know (${NAMES.join(', ')}); a text takes them where it then needs fewer parts.`,
  }),
}
