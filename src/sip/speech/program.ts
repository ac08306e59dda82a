/** The program that speaks texts: where it is, which voices it has, and what its arguments are for one text. Speech thread. */
import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { basename, delimiter, join, resolve } from 'node:path'
import type { SpeechConfig } from '../../engine/config/speech.js'
import { type Program, type SpeakProblem, unavailable } from './speak-command.js'
import { parseVoices, type VoiceTable } from './voices.js'

const LISTING_MS = 10_000
const LISTING_BYTES = 1 << 20
const CAN_LIST: readonly string[] = ['espeak-ng', 'espeak']

export interface Spoken {
  voice: string
  language: string
}

/** Absolute path of a program; null: it is not there. A name with a slash counts from the working directory. */
export async function findProgram(file: string, searchPath: string): Promise<string | null> {
  const places = file.includes('/') ? [resolve(file)] : searchPath.split(delimiter).filter(Boolean).map(under(file))
  for (const place of places) {
    try {
      await access(place, constants.X_OK)
      return place
    } catch {
      // The next one.
    }
  }
  return null
}

function under(file: string): (folder: string) => string {
  return (folder) => join(folder, file)
}

/** What a program is given of our environment: nothing but where programs are. */
function environmentOf({ environment }: SpeechConfig, searchPath: string): Record<string, string> {
  return { PATH: searchPath, LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8', ...environment }
}

export function programOf(config: SpeechConfig, { voice, language }: Spoken, searchPath: string): Program {
  const { command, rate } = config
  const values: Record<string, string> = { voice, language, rate: String(rate) }
  const [file, ...args] = command
  return {
    file: file!.includes('/') ? resolve(file!) : file!,
    args: args.map((arg) => arg.replace(/\{(voice|language|rate)\}/g, (_, name: string) => values[name]!)),
    environment: environmentOf(config, searchPath),
  }
}

/** Whether it can be asked for its voices: espeak-ng and espeak can. */
export function canList({ command }: SpeechConfig): boolean {
  return CAN_LIST.includes(basename(command[0]!))
}

/** Never rejects. */
export async function listVoices(
  file: string,
  config: SpeechConfig,
  searchPath: string,
): Promise<VoiceTable | SpeakProblem> {
  const options = {
    ...{ cwd: '/', env: environmentOf(config, searchPath), timeout: LISTING_MS, maxBuffer: LISTING_BYTES },
    killSignal: 'SIGKILL' as const,
  }
  return await new Promise((done) => {
    execFile(file, ['--voices'], options, (error, stdout) => {
      const voices = error === null ? parseVoices(stdout) : null
      if (voices !== null && voices.size > 0) done(voices)
      else if (error !== null && (error.code as unknown) === 'ENOENT') done(unavailable(config.command[0]!, 'ENOENT'))
      else done(noVoices(config.command[0]!))
    })
  })
}

function noVoices(file: string): SpeakProblem {
  const detail = `${JSON.stringify(file)} --voices names no voice; install its data (apt-get install espeak-ng-data), or name voices with speech.voices`
  return { reason: 'SPEECH_UNAVAILABLE', detail, isTemporary: true }
}
