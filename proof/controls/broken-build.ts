/**
 * A private copy of the sources and the build with a few places changed in both. Everything else is linked, and of what is built
 * only the programs are bundled anew: a copy takes some seconds and no compiler.
 */
import { execFileSync } from 'node:child_process'
import {
  copyFileSync,
  cpSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Patch } from './control.js'

/** Where build/ and src/ lie side by side. */
export const root = fileURLToPath(new URL('../../..', import.meta.url))

/** The folder that stands for `root`; the caller removes it. @throws RangeError: a place is not there exactly once. */
export function brokenBuild(patches: readonly Patch[]): string {
  const copy = mkdtempSync(path.join(tmpdir(), 'trunkline-control-'))
  try {
    for (const name of readdirSync(root)) {
      if (name === 'build' || name === 'src') linkAll(path.join(root, name), path.join(copy, name))
      // Node takes the type of a module from the nearest one, by its real place.
      else if (name === 'package.json') cpSync(path.join(root, name), path.join(copy, name), { dereference: true })
      else symlinkSync(path.join(root, name), path.join(copy, name))
    }
    for (const patch of patches) apply(patch, copy)
    execFileSync(process.execPath, [path.join(root, 'scripts/bundle.mjs'), copy])
  } catch (error) {
    rmSync(copy, { recursive: true, force: true })
    throw error
  }
  return copy
}

const GOES_ON = /^[([`+/-]/

/** What is looked for must stand in the source and in the build, once each. @throws RangeError. */
export function apply({ file, before, after }: Patch, copy: string): void {
  if (GOES_ON.test(after) && !GOES_ON.test(before)) {
    throw new RangeError(`after a line without a semicolon this goes on with it: ${after}`)
  }
  for (const changed of [`src/${file}.ts`, `build/src/${file}.js`].map((name) => path.join(copy, name))) {
    const text = once(changed, before)
    // It is a link to that of the sound tree, which must stay as it is.
    rmSync(changed)
    writeFileSync(
      changed,
      text.replace(before, () => after),
    )
  }
}

function once(file: string, text: string): string {
  const all = readFileSync(file, 'utf8')
  const count = all.split(text).length - 1
  if (count !== 1) {
    throw new RangeError(`${file} has ${count} times, and must have once, what the control changes: ${text}`)
  }
  return all
}

function linkAll(from: string, to: string): void {
  mkdirSync(to)
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (entry.name.endsWith('.map')) continue
    const [source, target] = [path.join(from, entry.name), path.join(to, entry.name)]
    if (entry.isDirectory()) linkAll(source, target)
    else link(source, target)
  }
}

/** Not across file systems. */
function link(source: string, target: string): void {
  try {
    linkSync(source, target)
  } catch {
    copyFileSync(source, target)
  }
}
