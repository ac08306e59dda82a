/** Keywords name texts: letters count without regard to case, as people and spreadsheets write them. Any thread. */
export function foldKeyword(keyword: string): string {
  return keyword.trim().normalize('NFC').toLowerCase()
}

/** Of a folded keyword: a spreadsheet makes 1 of 001, and people leave out the #. */
export function looseKeyword(folded: string): string {
  const bare = folded.replace(/^#\s*/, '')
  return /^\d+$/.test(bare) ? bare.replace(/^0+(?=\d)/, '') : bare
}

/**
 * Finds a text as people name it: `#001` by #001, 001, #1 and 1 alike. Where two keywords differ in nothing but that, only the
 * exact one finds its text.
 */
export class Keywords {
  readonly #texts: Readonly<Record<string, string>>
  /** Loose keyword → folded one; null: there are several. */
  readonly #loose = new Map<string, string | null>()

  /** By folded keyword. */
  constructor(texts: Readonly<Record<string, string>>) {
    this.#texts = texts
    for (const folded of Object.keys(texts)) {
      const loose = looseKeyword(folded)
      this.#loose.set(loose, this.#loose.has(loose) ? null : folded)
    }
  }

  /** The folded keyword that is meant; null: none, or it is not clear which. */
  find(folded: string): string | null {
    if (Object.hasOwn(this.#texts, folded)) return folded
    return this.#loose.get(looseKeyword(folded)) ?? null
  }
}
