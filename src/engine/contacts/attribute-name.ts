/** What an attribute of a contact may be called. Any thread. */
import { limits } from '../contract/limits.js'

/** What no name of an attribute or tag may have: control characters, and halves of surrogate pairs. */
export const NAME_CONTROL = /[\0-\x1f\x7f]|\p{Surrogate}/u

/** null: the name may be used. */
export function attributeNameProblem(name: string): string | null {
  if (name.trim() === '' || name.length > limits.attributeNameChars || NAME_CONTROL.test(name)) {
    return `must have a name of 1 to ${limits.attributeNameChars} characters`
  }
  return name === '__proto__' ? 'must have another name' : null
}
