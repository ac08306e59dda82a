/** Documents that would go stale by themselves: generated pages, links, and what the README says of dependencies and tests. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { referencePages } from '../scripts/reference.js'
import { CARRIER_SCHEMAS } from '../src/engine/config/carrier.js'

const root = fileURLToPath(new URL('../../', import.meta.url))

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

t.test('the generated pages are those of the code: run npm run docs', async (t) => {
  for (const [name, text] of Object.entries(await referencePages())) t.equal(read(`docs/${name}`), text, name)
})

t.test('config.md has every key of the carriers of each protocol', async (t) => {
  const text = read('docs/config.md')
  for (const [protocol, schema] of Object.entries(CARRIER_SCHEMAS)) {
    for (const key of Object.keys(schema.properties))
      t.match(text, `\`carriers[${protocol}].${key}\``, `${protocol} ${key}`)
  }
})

t.test('every relative link of a document leads to a file', async (t) => {
  const folders = ['docs', 'docs/decisions', 'examples']
  const inFolders = folders.flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `${folder}/${name}`),
  )
  for (const path of ['README.md', 'CHANGELOG.md', ...inFolders]) {
    const text = read(path).replace(/`[^`\n]*`/g, '')
    for (const [, target] of text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
      t.ok(existsSync(join(root, dirname(path), target!)), `${path}: ${target}`)
    }
  }
})

t.test('the README gives a reason for each dependency, and for no other', async (t) => {
  const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<string, Record<string, string>>
  const section = read('README.md').split('\n## Dependencies\n')[1]!.split('\n## ')[0]!
  const [atRunTime, inTests] = section.split('\nIn tests and benchmarks only:\n')
  const listed = (table: string): string[] =>
    [...table.matchAll(/^\| ([^|]+) \|/gm)]
      .flatMap(([, cell]) => cell!.match(/`([^`]+)`/g) ?? [])
      .map((name) => name.replaceAll('`', ''))
      .sort()
  t.strictSame(listed(atRunTime!), Object.keys(dependencies!).sort())
  t.strictSame(listed(inTests!), Object.keys(devDependencies!).sort())
  t.ok(listed(atRunTime!).length <= 17)
})

t.test('the tests that the README names for its promises exist', async (t) => {
  const section = read('README.md').split('\n## What is promised\n')[1]!.split('\n## ')[0]!
  const promises = [...section.matchAll(/^\| P\d+ \|[^|]*\|([^|]*)\|$/gm)]
  t.equal(promises.length, 11)
  for (const [, cell] of promises) {
    const names = (cell!.match(/`[a-z-]+`/g) ?? []).map((name) => name.replaceAll('`', ''))
    t.ok(names.length > 0 || cell!.includes('later'), cell!.trim())
    for (const name of names) t.ok(name === 'suppressed' || existsSync(join(root, `test/${name}.test.ts`)), name)
  }
})
