/** Names by a pattern with * and ?, as old clients send with NLST; without backtracking, so that no pattern is slow. */

export function isPattern(text: string): boolean {
  return /[*?]/.test(text)
}

export function matches(name: string, pattern: string): boolean {
  let at = 0
  let place = 0
  let star = -1
  let resumed = 0
  while (at < name.length) {
    if (pattern[place] === '*') {
      star = place++
      resumed = at
    } else if (pattern[place] === '?' || pattern[place] === name[at]) {
      place++
      at++
    } else if (star !== -1) {
      place = star + 1
      at = ++resumed
    } else return false
  }
  while (pattern[place] === '*') place++
  return place === pattern.length
}
