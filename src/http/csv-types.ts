/** Content types that a file of rows may come with. */

/** curl -T sends no content type at all; other clients call any file an octet stream. */
export const CSV_TYPES: ReadonlySet<string | undefined> = new Set([
  undefined,
  '',
  'text/csv',
  'application/csv',
  'application/octet-stream',
  'text/plain',
  'application/gzip',
  'application/x-gzip',
])
