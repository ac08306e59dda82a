/**
 * Puts Drop & Go together in the main thread: the drop folder, where the configuration has one, and its tick. What takes
 * files into it from the network is handed the folders.
 */

import { DropFolder } from './drop/folder/drop-folder.js'
import type { DropFolderConfig } from './engine/config/drop-folder.js'
import { systemClock } from './engine/contract/clock.js'
import type { Log } from './engine/contract/log.js'
import type { Metrics } from './engine/contract/metrics.js'
import type { DropDesk } from './engine/drops/drop-desk.js'

const TICK_MS = 100

export interface DropStart {
  desk: DropDesk
  log: Log
  metrics: Metrics
  fail(error: unknown): void
}

export interface RunningDrops {
  folders: DropFolder
  stop(): Promise<void>
}

/** Resolves when every account has its folder, and what was claimed before is taken up. null: none is configured. */
export async function startDropFolder(
  config: DropFolderConfig | undefined,
  { desk, ...parts }: DropStart,
): Promise<RunningDrops | null> {
  if (config === undefined) return null
  const folders = await DropFolder.open({ config, keeper: desk, clock: systemClock, ...parts })
  desk.listener = folders
  const timer = setInterval(() => folders.tick(), TICK_MS)
  const stop = async (): Promise<void> => {
    clearInterval(timer)
    await folders.stop()
  }
  return { folders, stop }
}
