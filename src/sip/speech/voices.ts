/**
 * Which voice speaks a language: tags are looked up from the longest to the shortest (RFC 4647 §3.4), so that de-AT is
 * spoken by de. A language without a voice is refused: what nobody understands is worse than no call. Speech thread.
 */
import { isLanguage, shorterTags } from '../../engine/base/language-tag.js'
import type { SpeechConfig } from '../../engine/config/speech.js'

/** Tag in lower case → voice. */
export type VoiceTable = ReadonlyMap<string, string>

/**
 * The answer of `espeak-ng --voices`: columns priority, language, age and gender, name, file, and further languages with
 * their priority, such as `(en 2)`; the smallest wins.
 */
export function parseVoices(listing: string): VoiceTable {
  const own = new Map<string, string>()
  const further = new Map<string, { voice: string; priority: number }>()
  for (const line of listing.split('\n')) {
    const [, voice, rest] = /^\s*\d+\s+(\S+)\s+\S+\s+\S+\s+\S+(.*)$/.exec(line) ?? []
    if (voice === undefined) continue
    if (!own.has(voice.toLowerCase())) own.set(voice.toLowerCase(), voice)
    for (const [, tag, digits] of rest!.matchAll(/\((\S+) (\d+)\)/g)) {
      const priority = Number(digits)
      if (priority < (further.get(tag!)?.priority ?? Number.POSITIVE_INFINITY)) further.set(tag!, { voice, priority })
    }
  }
  for (const [tag, { voice }] of further) if (!own.has(tag)) own.set(tag, voice)
  return own
}

/** The configured ones before those of the program. null: the program cannot be asked, and speaks what it is told. */
export function voiceTable(configured: SpeechConfig['voices'], known: VoiceTable | null): VoiceTable | null {
  const own = Object.entries(configured).map(([tag, voice]) => [tag.toLowerCase(), voice] as const)
  if (known === null && own.length === 0) return null
  return new Map([...(known ?? []), ...own])
}

/** null: no voice speaks it. */
export function findVoice(table: VoiceTable | null, language: string): string | null {
  if (!isLanguage(language)) return null
  if (table === null) return language
  for (const tag of shorterTags(language)) {
    const voice = table.get(tag)
    if (voice !== undefined) return voice
  }
  return null
}
