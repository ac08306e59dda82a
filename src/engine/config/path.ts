/** Where a key stands: as a path of names and positions, as text for people, and as a line of the YAML file. */
import { type Document, isMap, isScalar, isSeq, type LineCounter, type Node } from 'yaml'

export type Path = readonly (string | number)[]

/** ['carriers', 0, 'window'] → carriers[0].window. */
export function formatPath(path: Path): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else text += text === '' ? step : `.${step}`
  }
  return text
}

/** JSON pointer (RFC 6901) → path; steps of digits only are positions of arrays. */
export function parsePointer(pointer: string): Path {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((step) => (/^\d+$/.test(step) ? Number(step) : step))
}

/** Line from 1 of the key, or of the nearest thing around it that the file has. */
export function lineOf(document: Document, lines: LineCounter, path: Path): number {
  let node = document.contents as Node | null
  let offset = node?.range?.[0] ?? 0
  for (const step of path) {
    const [next, start] = child(node, step)
    if (start === null) break
    offset = start
    node = next
  }
  return Math.max(1, lines.linePos(offset).line)
}

function child(node: Node | null, step: string | number): [Node | null, number | null] {
  if (isSeq(node)) {
    const item = node.items[Number(step)] as Node | undefined
    return [item ?? null, item?.range?.[0] ?? null]
  }
  if (!isMap(node)) return [null, null]
  for (const pair of node.items) {
    if (isScalar(pair.key) && String(pair.key.value) === String(step)) {
      return [pair.value as Node | null, pair.key.range?.[0] ?? null]
    }
  }
  return [null, null]
}
