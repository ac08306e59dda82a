/** Months by their names, whole or shortened, as spreadsheets of English, German, French, Spanish, Italian, Dutch and Portuguese offices write them. */

/** What each month begins with, without accents; a longer beginning wins over a shorter one. */
const BEGINNINGS: readonly (readonly string[])[] = [
  ['jan', 'ene', 'gen'],
  ['feb', 'fev'],
  ['mar', 'maer', 'mrz', 'maa', 'mrt'],
  ['apr', 'avr', 'abr'],
  ['may', 'mai', 'mei', 'mag'],
  ['jun', 'juin', 'giu'],
  ['jul', 'juil', 'lug'],
  ['aug', 'aou', 'ago'],
  ['sep', 'set'],
  ['oct', 'okt', 'out', 'ott'],
  ['nov'],
  ['dec', 'dez', 'dic'],
]

/** From 1; NaN: no month is called so. */
export function monthByName(name: string): number {
  const plain = name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()
  let month = Number.NaN
  let longest = 0
  for (const [index, beginnings] of BEGINNINGS.entries()) {
    for (const beginning of beginnings) {
      if (beginning.length <= longest || !plain.startsWith(beginning)) continue
      month = index + 1
      longest = beginning.length
    }
  }
  return month
}
