/** Writes src/engine/phone/plan-data.generated.ts. Run it after an update of libphonenumber-js: npm run numbers */
import { writeFileSync } from 'node:fs'
import { planSource } from './plan-source.js'

const target = process.argv[2] ?? 'src/engine/phone/plan-data.generated.ts'
const text = planSource()
writeFileSync(target, text)
console.log(`${target}: ${text.length} octets`)
