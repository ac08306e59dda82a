/** `trunkline …` beside a server that is watched, to its end. */
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { spawnNode } from '../bench/processes.js'

const cli = fileURLToPath(new URL('../src/cli.js', import.meta.url))

/** `watching` is called once the command says that it does. */
export async function runBeside(
  { url, adminKey }: { url: string; adminKey: string },
  args: string[],
  watching: () => void = () => {},
): Promise<{ stdout: string; code: number }> {
  const child = spawnNode([cli, ...args, '--url', url, '--key', adminKey], { stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  createInterface({ input: child.stderr! }).on('line', (line) => {
    if (/watching|writing/.test(line)) watching()
  })
  const [code] = await once(child, 'close')
  return { stdout, code }
}
