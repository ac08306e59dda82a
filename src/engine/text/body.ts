/** What a text may hold whatever coding it gets: no control characters but tab and line ends, no half surrogate pairs. */
const CONTROLS = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/
const HALF_PAIR = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/

export function isBody(text: string): boolean {
  return !CONTROLS.test(text) && !HALF_PAIR.test(text)
}
