/** Writes the generated pages of docs/. Run: npm run docs */
import { writeFileSync } from 'node:fs'
import { referencePages } from './reference.js'

for (const [name, text] of Object.entries(await referencePages())) {
  writeFileSync(new URL(`../../docs/${name}`, import.meta.url), text)
}
