/** Which configuration file a command means when none is named. */
import { existsSync } from 'node:fs'

/** trunkline.yaml of the working directory, or null: all defaults. */
export function defaultConfigFile(): string | null {
  return existsSync('trunkline.yaml') ? 'trunkline.yaml' : null
}
