/** Play lists as people write them: what can be wrong with one, and which texts with labels it has. Any thread. */
import type { FieldError } from '../contract/errors.js'
import { limits } from '../contract/limits.js'
import type { PlayItem, PromptSetting } from '../contract/speech.js'
import { isBody } from './body.js'
import { compileTemplate } from './template.js'

export function playItem(prompt: PromptSetting): PlayItem {
  return typeof prompt === 'string' ? { text: prompt } : prompt
}

/** Texts and names of recordings, which may have labels. */
export function promptTexts(prompts: readonly PromptSetting[]): string[] {
  return prompts.map(playItem).flatMap((item) => {
    if ('text' in item) return [item.text]
    return 'recording' in item ? [item.recording] : []
  })
}

/** Names of the recordings as they are written. */
export function recordingNames(prompts: readonly PromptSetting[]): string[] {
  return prompts.map(playItem).flatMap((item) => ('recording' in item ? [item.recording] : []))
}

/** What is wrong beside the shape, which the schema looks at. */
export function* promptErrors(prompts: readonly PromptSetting[], pointer: string): Iterable<FieldError> {
  if (prompts.length > limits.speechItems) {
    yield { pointer, message: `must have at most ${limits.speechItems} items` }
  }
  for (const [index, prompt] of prompts.entries()) yield* itemErrors(playItem(prompt), `${pointer}/${index}`)
}

function* itemErrors(item: PlayItem, pointer: string): Iterable<FieldError> {
  if (Object.keys(item).length !== 1) {
    yield { pointer, message: 'must be a text, or an object with one of text, recording and pauseMs' }
    return
  }
  if ('pauseMs' in item) {
    const { pauseMs } = item
    if (!(Number.isInteger(pauseMs) && pauseMs >= 0 && pauseMs <= limits.speechPauseMs)) {
      yield { pointer: `${pointer}/pauseMs`, message: `must be from 0 to ${limits.speechPauseMs}` }
    }
    return
  }
  const text = 'text' in item ? item.text : item.recording
  if (!isBody(text)) yield { pointer, message: 'has a control character or half of a surrogate pair' }
  else if (text.trim() === '') yield { pointer, message: 'must not be empty' }
}

/** Compiles its texts for their errors. @throws EngineError TEMPLATE_INVALID. */
export function compilePrompts(prompts: readonly PromptSetting[]): void {
  for (const text of promptTexts(prompts)) compileTemplate(text)
}
