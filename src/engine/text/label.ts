/** Case, accents, surrounding and repeated spaces do not make another label, in a header or in a text. */
export function normaliseLabel(label: string): string {
  return label.normalize('NFKD').replace(/\p{M}/gu, '').trim().replace(/\s+/g, ' ').toLowerCase()
}
