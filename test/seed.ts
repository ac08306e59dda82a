/** The seed of all chance in a test: the first argument of its program, or one that is always the same. */
export const seed = Number(process.argv[2] ?? 20_261_122)
