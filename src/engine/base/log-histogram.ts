/**
 * Times in buckets that grow by an eighth of a doubling: whatever is read out is within 5 % of what was put in, and few
 * numbers hold any amount of them. Sparse: bucket, count, bucket, count …, ascending.
 */
const PER_DOUBLING = 8
/** Two to the 31st ms are 24 days. */
const BUCKET_MAX = 31 * PER_DOUBLING

/** Bucket 0 holds all below 1 ms. */
export function bucketOf(ms: number): number {
  if (!(ms >= 1)) return 0
  return Math.min(BUCKET_MAX, 1 + Math.floor(Math.log2(ms) * PER_DOUBLING))
}

/** The middle of the bucket, in whole ms. */
function middleOf(bucket: number): number {
  return bucket === 0 ? 0 : Math.round(2 ** ((bucket - 0.5) / PER_DOUBLING))
}

/** Adds `added` times `sign` to `counts`; buckets that come to nothing go. */
export function addBuckets(counts: readonly number[], added: readonly number[], sign: 1 | -1): number[] {
  if (added.length === 0) return [...counts]
  const sums = new Map<number, number>()
  for (let at = 0; at < counts.length; at += 2) sums.set(counts[at]!, counts[at + 1]!)
  for (let at = 0; at < added.length; at += 2) {
    sums.set(added[at]!, (sums.get(added[at]!) ?? 0) + sign * added[at + 1]!)
  }
  return [...sums]
    .filter(([, count]) => count !== 0)
    .sort(([a], [b]) => a - b)
    .flat()
}

/** The value below which `share` of all lie; null: there is none. */
export function quantile(counts: readonly number[], share: number): number | null {
  let all = 0
  for (let at = 1; at < counts.length; at += 2) all += counts[at]!
  if (all <= 0) return null
  let seen = 0
  for (let at = 0; at < counts.length; at += 2) {
    seen += counts[at + 1]!
    if (seen >= share * all) return middleOf(counts[at]!)
  }
  return middleOf(counts.at(-2)!)
}
