// Deletes build output, so that no test of a deleted source ever runs.
import { rmSync } from 'node:fs'

rmSync(new URL('../build', import.meta.url), { recursive: true, force: true })
