/** Which data directory a command means, and how it is held. Command line only. */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { loadConfig } from '../engine/config/load.js'
import type { Config } from '../engine/config/schema.js'
import { type DataLock, lockDataDir } from '../engine/data-lock.js'
import { type OptionTable, type OptionValues, textOption } from './command.js'
import { defaultConfigFile } from './config-file.js'

export const dataDirOptions = {
  config: { type: 'string' },
  'data-dir': { type: 'string' },
} as const satisfies OptionTable

export const dataDirHelp = `  --config FILE    configuration that names the data directory (trunkline.yaml where it is there)
  --data-dir DIR   the data directory itself, instead`

export interface DataDirAsked {
  dataDir: string
  /** null: `--data-dir` named it. */
  config: Config | null
}

export function dataDirOf(values: OptionValues): DataDirAsked {
  const given = textOption(values, 'data-dir')
  if (given !== undefined) return { dataDir: path.resolve(given), config: null }
  const config = loadConfig(textOption(values, 'config') ?? defaultConfigFile())
  return { dataDir: path.resolve(config.dataDir), config }
}

/** null: an engine, or another command, holds it. */
export async function tryLock(dataDir: string): Promise<DataLock | null> {
  try {
    return await lockDataDir(dataDir)
  } catch (error) {
    if ((error as { code?: string }).code === 'CONFIG_INVALID') return null
    throw error
  }
}

/** Key that the engine made for its admin; null: there is none, or it may not be read. */
export function keptAdminKey(dataDir: string): string | null {
  const file = path.join(dataDir, 'admin.key')
  if (!existsSync(file)) return null
  try {
    return readFileSync(file, 'utf8').trim() || null
  } catch {
    return null
  }
}
