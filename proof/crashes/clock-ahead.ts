/** Loaded before an engine: its wall clock, in all threads, is ahead by CLOCK_AHEAD_MS. */
const aheadMs = Number(process.env.CLOCK_AHEAD_MS ?? 0)
const now = Date.now
Date.now = () => now() + aheadMs
