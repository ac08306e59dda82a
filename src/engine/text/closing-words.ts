/**
 * What a call says at its end where the account has no closing of its own: which digit ends all calls and which plays the
 * message again, in the language of the message. In a language that is not here nothing is said; the digits work all the same.
 */
import { baseLanguage } from '../base/language-tag.js'
import type { CallTerms } from '../contract/speech.js'

interface Words {
  /** With # in the place of the digit. */
  again: string
  stop: string
}

const WORDS: Readonly<Record<string, Words>> = {
  en: { again: 'To hear this message again, press #.', stop: 'To get no more calls from us, press #.' },
  de: {
    again: 'Um diese Nachricht noch einmal zu hören, drücken Sie die #.',
    stop: 'Wenn Sie keine Anrufe mehr von uns wünschen, drücken Sie die #.',
  },
  fr: {
    again: 'Pour réécouter ce message, appuyez sur le #.',
    stop: 'Pour ne plus recevoir nos appels, appuyez sur le #.',
  },
  es: {
    again: 'Para escuchar de nuevo este mensaje, pulse #.',
    stop: 'Para no recibir más llamadas nuestras, pulse #.',
  },
  it: {
    again: 'Per riascoltare questo messaggio, prema #.',
    stop: 'Per non ricevere più le nostre chiamate, prema #.',
  },
  nl: {
    again: 'Om dit bericht nog eens te horen, drukt u op #.',
    stop: 'Wilt u niet meer door ons gebeld worden, druk dan op #.',
  },
  pt: {
    again: 'Para ouvir esta mensagem outra vez, prima #.',
    stop: 'Para não receber mais chamadas nossas, prima #.',
  },
  pl: {
    again: 'Aby ponownie odsłuchać tę wiadomość, naciśnij #.',
    stop: 'Aby nie otrzymywać więcej połączeń od nas, naciśnij #.',
  },
  sv: {
    again: 'Tryck # för att höra meddelandet igen.',
    stop: 'Tryck # om du inte vill ha fler samtal från oss.',
  },
  da: {
    again: 'Tryk # for at høre beskeden igen.',
    stop: 'Tryk # hvis du ikke vil have flere opkald fra os.',
  },
  nb: {
    again: 'Trykk # for å høre meldingen en gang til.',
    stop: 'Trykk # hvis du ikke vil ha flere anrop fra oss.',
  },
  fi: {
    again: 'Kuuntele viesti uudelleen painamalla #.',
    stop: 'Jos et halua enää puheluita meiltä, paina #.',
  },
}
/** Norwegian goes by several tags. */
const ALIKE: Readonly<Record<string, string>> = { no: 'nb', nn: 'nb' }
const SIGNS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  en: { '*': 'star', '#': 'hash' },
  de: { '*': 'Sterntaste', '#': 'Rautetaste' },
  fr: { '*': 'touche étoile', '#': 'touche dièse' },
}

/** '' = nothing is said. `language`: a tag. */
export function closingWords(language: string, { optOutDigit, repeatDigit }: CallTerms): string {
  const base = baseLanguage(language)
  const name = ALIKE[base] ?? base
  const words = Object.hasOwn(WORDS, name) ? WORDS[name]! : null
  if (words === null) return ''
  const said = [
    [words.again, repeatDigit],
    [words.stop, optOutDigit],
  ] as const
  return said
    .filter(([, digit]) => digit !== '')
    .map(([sentence, digit]) => sentence.replace('#', SIGNS[name]?.[digit] ?? digit))
    .join(' ')
}

/** Languages that have a built-in closing. */
export const CLOSING_LANGUAGES: readonly string[] = Object.keys(WORDS)
