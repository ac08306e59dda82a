/** How long replies to a message are its account's: what the message says, else its account, else the configuration. */

/** Where true asks for a lock and neither account nor configuration has one. */
const STANDARD_SECONDS = 259_200

/** 0: no conversation lock. `defaultSeconds`: of the configuration. */
export function lockSecondsOf(
  setting: boolean | number | undefined,
  account: { conversationLockSeconds?: number | null } | null,
  defaultSeconds: number,
): number {
  if (typeof setting === 'number') return setting
  if (setting === false) return 0
  const seconds = account?.conversationLockSeconds ?? defaultSeconds
  return setting === true && seconds === 0 ? STANDARD_SECONDS : seconds
}
