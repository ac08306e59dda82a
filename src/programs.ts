/**
 * Files that are run or read by their place. Named here, in the folder that bundled modules lie in as well: the place of any
 * other module is another once it is bundled (scripts/bundle.mjs). Any thread.
 */
import { fileURLToPath } from 'node:url'

const fileOf = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))

export const CLI_FILE = fileOf('./cli.js')
export const VERIFY_READER_FILE = fileOf('./cli/verify-reader.js')
export const STAND_IN_VOICE_FILE = fileOf('./cli/stand-in-voice.js')
export const EXAMPLES_FOLDER = fileOf('../../examples/')
