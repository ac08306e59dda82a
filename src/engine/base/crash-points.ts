/**
 * Every named place where a test may let the process die (crash-point.ts), where the order of two steps decides whether
 * something is lost or comes twice. Each stands in the code once; test/fault-crash-points.test.ts crosses them all.
 */

/** The thread that passes it; each ingest thread counts by itself. */
export type CrashThread = 'main' | 'ingest' | 'dispatcher' | 'site' | 'speech'

/** Name → thread, and what has happened there and what has not. */
export const CRASH_POINTS = {
  // A file becomes messages.
  'upload-written': ['main', 'octets of an upload were written; they are not on disk, and there are more to come'],
  'upload-synced': ['main', 'the file of a job is on disk; that it was accepted is not'],
  'upload-accepted': ['main', 'the acceptance of a file is on disk; its client was not told'],
  'row-read': ['ingest', 'a row was read and checked; nothing of its range is stored'],
  'range-written': ['ingest', 'blocks and file offset are written in one transaction; it is not committed'],
  'range-stored': ['ingest', 'a range is on disk; the main thread was not told'],
  'duplicates-marked': ['ingest', 'duplicates are marked on disk; the job is not released'],
  'job-made': ['main', 'a job is on disk; its client was not told'],
  'job-reserved': ['main', 'what a job costs is reserved; it is not released'],
  'job-released': ['main', 'the release of a job is on disk; the dispatcher was not told'],
  'job-changed': ['main', 'a start, pause, resume or cancel is on disk; the dispatcher was not told'],
  'retry-made': ['main', 'a retry of a job is on disk; it has no messages yet'],
  'run-made': ['main', 'a run of a recurring job is on disk; it has no messages yet'],
  // Single messages and what requests make.
  'messages-written': ['main', 'single messages are written with their idempotency key; not committed'],
  'messages-stored': ['main', 'single messages are on disk; neither dispatcher nor client was told'],
  'answer-kept': ['main', 'the answer of an Idempotency-Key is on disk; it was not sent'],
  'account-made': ['main', 'an account is on disk with its key; its client was not told'],
  'contacts-written': ['ingest', 'contacts are written with how far their import is; not committed'],
  'contacts-stored': ['ingest', 'contacts are on disk; the main thread was not told'],
  'recording-kept': ['speech', 'the sound of a recording is on disk; no name stands for it'],
  // A message leaves.
  'block-claimed': ['dispatcher', 'a block was claimed in memory; the claim is not stored'],
  'messages-authorised': ['dispatcher', 'messages may be sent once that is on disk; it is not stored'],
  'commit-written': ['dispatcher', 'claims, outcomes, receipts are written in one transaction; it is not committed'],
  'commit-stored': ['dispatcher', 'a commit is on disk; nothing that waited for it has happened'],
  'answers-owed': ['dispatcher', 'receipts or inbound messages are on disk; their carrier has no answer'],
  'commit-released': ['dispatcher', 'after a commit slots were freed and answers encoded, which are not sent'],
  'submit-encoded': ['dispatcher', 'a part is authorised and encoded; the socket has not got it'],
  'pdus-sent': ['dispatcher', 'the socket of a bind got PDUs: a bind, submits, or answers to receipts'],
  'response-recorded': ['dispatcher', 'the answer to a part was read; it is not stored'],
  'email-taken': ['dispatcher', 'a relay took an email; that is not stored'],
  'call-dialled': ['dispatcher', 'an INVITE was sent; nothing is known of the call'],
  'call-ended': ['dispatcher', 'a call is over; what it came to is not stored'],
  // Receipts, states, what is recovered.
  'receipt-read': ['dispatcher', 'a receipt was read and applied; it is not stored'],
  'orphan-parked': ['dispatcher', 'a receipt matches no message and is kept; not stored'],
  'orphan-joined': ['dispatcher', 'a kept receipt has found its message; not stored'],
  'states-written': ['dispatcher', 'states of blocks are written beside the log that says the same; not committed'],
  'log-truncated': ['dispatcher', 'the log was cut behind stored states; not committed'],
  'unanswered-found': ['dispatcher', 'a start found a message that was under way; what follows is not stored'],
  'blocks-recovered': ['dispatcher', 'a start has recovered open blocks and stored that; nothing is sent yet'],
  // What follows the messages.
  'fold-stored': ['main', 'states were folded into money and usage, on disk; nobody was told'],
  'webhook-posted': ['main', 'a webhook batch is on its way; it is not answered'],
  'webhook-answered': ['main', 'a receiver took a batch; the cursor behind it is not stored'],
  'webhook-stored': ['main', 'the cursor of a webhook is on disk'],
  'inbound-joined': ['main', 'an inbound message was read, joined and routed; it is not listed'],
  'inbound-listed': ['main', 'an inbound message is listed on disk; the dispatcher was not told that it was read'],
  'opt-out-filtered': ['main', 'a suppressed number is in the filter of all threads; it is not on disk'],
  'opt-out-stored': ['main', 'suppressions are on disk; who asked for them was not told'],
  'event-announced': ['main', 'a changed event says so on disk; its messages are not canceled'],
  'event-cleared': ['main', 'the messages of a changed event are canceled; the new ones are not made'],
  'event-replaced': ['main', 'an event and its messages are on disk; its client was not told'],
  // Dropped files.
  'site-written': ['site', 'octets of a file on its way in were written under a name of our own'],
  'site-synced': ['site', 'a file that came in is on disk; it has not its own name'],
  'site-renamed': ['site', 'a file that came in has its name; its client was not told'],
  'drop-claimed': ['main', 'a dropped file was moved into a claim; no record says so'],
  'drop-begun': ['main', 'a dropped file was read and its claim begun; it has no job'],
  'drop-job-made': ['main', 'the job of a dropped file is on disk; the file is not uploaded to it'],
  'drop-placed': ['main', 'the place of a dropped file is decided on disk; it is not moved there'],
  'drop-moved': ['main', 'a dropped file lies in processed/ or error/; what lies beside it is not written'],
  // What is forgotten, and what of it is left on the disk.
  'erasure-made': ['main', 'an erasure is on disk; nothing is erased, its client was not told'],
  'erasure-files': ['main', 'the person is blotted out of files; the messages still name them'],
  'erasure-stored': ['main', 'messages of the person are redacted on disk; the dispatcher was not told'],
  'erasure-traces': ['main', 'messages and other traces are erased; contacts and kept answers are not'],
  'erasure-overwritten': ['main', 'freed pages are overwritten; that the erasure is done is not stored'],
  'erasure-done': ['main', 'an erasure is done on disk; the page that named the person is not overwritten'],
  'pages-filled': ['main', 'freed pages hold zeros; the records that hold them are not removed'],
  'texts-forgotten': ['main', 'texts are gone from blocks on disk; their job does not say so'],
  'rows-forgotten': ['main', 'whole messages are gone on disk; the dispatcher was not told'],
  'file-forgotten': ['main', 'the file of a job is removed; the job does not say so'],
  'compaction-copied': ['main', 'a store was written anew beside itself; the copy is not synced'],
  'compaction-synced': ['main', 'the new file of a store is on disk; it has not its name'],
  'compaction-renamed': ['main', 'the new file of a store stands for the old one; its folder is not synced'],
  'compaction-ended': ['main', 'all stores are new; that something was erased is still marked'],
  // The end.
  'stop-drained': ['dispatcher', 'a stop has all answers of the carriers; the last of them are not stored'],
  'stop-stored': ['dispatcher', 'a stop has stored everything; the process has not ended'],
} as const satisfies Record<string, readonly [CrashThread, string]>

export type CrashPointName = keyof typeof CRASH_POINTS
