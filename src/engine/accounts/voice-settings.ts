/** What an account says about its calls, checked. Main thread. */
import { isLanguage } from '../base/language-tag.js'
import type { FieldError } from '../contract/errors.js'
import { limits } from '../contract/limits.js'
import type { PromptSetting, VoicePatch, VoiceSettings } from '../contract/speech.js'
import { playItem, promptErrors, promptTexts } from '../text/prompts.js'

const LABEL = /~[^~]+~/

/** The settings with those of the patch; what is wrong goes to `fields`. */
export function withVoice(before: VoiceSettings, patch: VoicePatch | undefined, fields: FieldError[]): VoiceSettings {
  if (patch === undefined) return before
  const after = { ...before, ...patch }
  if (after.language !== null && !isLanguage(after.language)) {
    fields.push({ pointer: '/voice/language', message: 'must be a language tag such as en-GB' })
  }
  for (const name of ['greeting', 'closing'] as const) fields.push(...frameErrors(after[name] ?? [], `/voice/${name}`))
  return after
}

/** Around each message: short, so that both fit a record beside it. */
function* frameErrors(prompts: readonly PromptSetting[], pointer: string): Iterable<FieldError> {
  yield* promptErrors(prompts, pointer)
  let characters = 0
  for (const [index, prompt] of prompts.entries()) {
    const item = playItem(prompt)
    // They are the same for everybody: what looks like a label would be read out, or name no recording.
    if (promptTexts([prompt]).some((text) => LABEL.test(text))) {
      yield { pointer: `${pointer}/${index}`, message: 'must have no ~label~: it is the same for every call' }
    }
    if ('text' in item) characters += item.text.length
  }
  if (characters > limits.speechFrameCharacters) {
    yield { pointer, message: `must have at most ${limits.speechFrameCharacters} characters` }
  }
}
