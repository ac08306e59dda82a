/** What the API, webhooks and reports say of one call. */
export interface CallView {
  /** Of the message without its closing words; null: the call was not answered. */
  heardPercent: number | null
  /** To the answer, or to the end of a call that was not answered; null: nobody was called. */
  ringSeconds: number | null
  /** null: it was not answered. */
  talkSeconds: number | null
  /** Pressed by the called, in order; '' = none. */
  digits: string
  /** `host:port`; null: none was asked. */
  gateway: string | null
  /** Of the gateway, such as `Channel limit exceeded`, or why it could not be asked; null: nothing beside the status. */
  words: string | null
}
