/** Something that must not be, with the invariant of reliability.md that it breaks and whom it concerns. */
export interface Violation {
  /** I1 to I12. */
  invariant: string
  /** A marker, a message, a job, a carrier. */
  id: string
  detail: string
}
