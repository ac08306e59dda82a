/** Keywords name texts: letters count without regard to case, as people and spreadsheets write them. Any thread. */
export function foldKeyword(keyword: string): string {
  return keyword.trim().normalize('NFC').toLowerCase()
}
