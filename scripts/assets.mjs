// What the compiler leaves to be done: the command may be executed, and files that the built program reads are copied.
import { chmodSync, cpSync, existsSync } from 'node:fs'

chmodSync(new URL('../build/src/cli.js', import.meta.url), 0o755)

const assets = new URL('../src/http/console', import.meta.url)
if (existsSync(assets)) {
  cpSync(assets, new URL('../build/src/http/console', import.meta.url), {
    recursive: true,
    filter: (name) => !name.endsWith('.ts'),
  })
}
