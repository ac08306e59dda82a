// Copies what the compiler leaves behind: package.json's neighbours that the built program reads.
import { cpSync, existsSync } from 'node:fs'

const assets = new URL('../src/http/console', import.meta.url)
if (existsSync(assets)) {
  cpSync(assets, new URL('../build/src/http/console', import.meta.url), {
    recursive: true,
    filter: (name) => !name.endsWith('.ts'),
  })
}
