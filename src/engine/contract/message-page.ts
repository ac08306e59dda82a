/** A page of messages, which says what it lacks. */
import type { MessageView, Page } from './api.js'

export interface MessagePage<T = MessageView> extends Page<T> {
  /**
   * Ids of what would stand in the page and cannot be read, so that it may be what was asked for: a message, or the first one of a
   * block of up to 256 of which nothing is known any more. Absent: all could be read.
   */
  damaged?: string[]
}
