// Bundles what is started as a process or a thread, in place of what the compiler made of it: a start reads a dozen files, not
// twelve hundred, which halves its time. Modules that several share lie beside the entry points, see src/programs.ts. Packages
// are left as they are, but for typebox, which has nearly seven hundred files.
// An argument names another root, as of a copy in which something is changed.
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url))
const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const threads = readdirSync(join(root, 'src')).filter((name) => name.endsWith('.thread.ts'))
const programs = ['cli.ts', 'cli/verify-reader.ts', 'cli/stand-in-voice.ts', 'ingest/worker.ts', ...threads]

const { outputFiles } = await build({
  absWorkingDir: root,
  entryPoints: [...programs.map((file) => `src/${file}`), 'test/engine-child.ts', 'test/full-disk-child.ts'],
  outbase: '.',
  outdir: 'build',
  chunkNames: 'src/bundled-[hash]',
  external: Object.keys(dependencies)
    .filter((name) => name !== 'typebox')
    .flatMap((name) => [name, `${name}/*`]),
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.18',
  sourcemap: true,
  // Links stay in the folder that they are in: a copy of the tree is bundled from its own files.
  preserveSymlinks: true,
  logLevel: 'warning',
  write: false,
})
for (const { path, contents } of outputFiles) {
  mkdirSync(dirname(path), { recursive: true })
  // Not written in place: it may be a link to that of another root.
  rmSync(path, { force: true })
  writeFileSync(path, contents)
}
chmodSync(join(root, 'build/src/cli.js'), 0o755)
