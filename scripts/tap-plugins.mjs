// tap keeps its set of plugins as generated code in node_modules. A fresh `npm ci` has the default set, whose
// TypeScript loader cannot run with TypeScript 7; this generates ours (.taprc) once. Needs no network.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const generated = new URL('../node_modules/@tapjs/test/test-built/src/index.ts', import.meta.url)
const isOurs = existsSync(generated) && !readFileSync(generated, 'utf8').includes('@tapjs/typescript')
if (!isOurs) {
  const tap = fileURLToPath(new URL('../node_modules/.bin/tap', import.meta.url))
  const { status, stdout, stderr } = spawnSync(tap, ['build'], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, npm_config_offline: 'true' },
  })
  if (status !== 0) {
    process.stderr.write(`tap build failed\n${stdout}${stderr}`)
    process.exit(1)
  }
}
