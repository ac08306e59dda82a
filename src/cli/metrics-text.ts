/** Samples out of the text of /metrics (Prometheus exposition format 0.0.4), as far as `trunkline top` needs them. */

/** name → labels as they stand there → value. */
export type Samples = Map<string, Map<string, number>>

const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)/

export function readSamples(text: string): Samples {
  const samples: Samples = new Map()
  for (const line of text.split('\n')) {
    const match = line.startsWith('#') ? null : LINE.exec(line)
    if (match === null) continue
    const [, name, labels, value] = match
    const of = samples.get(name!) ?? new Map<string, number>()
    of.set(labels ?? '', Number(value))
    samples.set(name!, of)
  }
  return samples
}

/** Sum of a metric over all samples that bear these labels. */
export function sumOf(samples: Samples, name: string, labels: Record<string, string> = {}): number {
  const wanted = Object.entries(labels).map(([key, value]) => `${key}="${value}"`)
  let sum = 0
  for (const [found, value] of samples.get(name) ?? []) {
    if (wanted.every((label) => found.split(',').includes(label))) sum += value
  }
  return sum
}
