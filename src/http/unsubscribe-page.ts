/**
 * The page behind a link in a message. One button: programs that follow links to look at them must not opt anybody out
 * (RFC 8058 §1). No script, nothing from elsewhere, and nothing that a search engine or the next site should know.
 */
import type { FastifyReply } from 'fastify'
import { escapeHtml } from '../engine/base/html.js'
import type { UnsubscribePage } from '../engine/contract/suppressions.js'

const STYLE =
  'body{font:18px/1.5 sans-serif;max-width:32em;margin:3em auto;padding:0 1em}button{font:inherit;padding:.5em 1.5em}'
/** SHA-256 of STYLE in base64: test/opt-out-link.test.ts computes it. */
const HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-robots-tag': 'noindex, nofollow, noarchive',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

export function sendPage(reply: FastifyReply, status: number, body: string, policy: string): FastifyReply {
  const head =
    '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">'
  const html = `<!doctype html><html lang="en"><head>${head}<title>Messages</title><style>${STYLE}</style></head><body>${body}</body></html>`
  return reply.code(status).headers(HEADERS).header('content-security-policy', policy).send(html)
}

export function policyFor(styleHash: string): string {
  return `default-src 'none'; style-src 'sha256-${styleHash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`
}

export const PAGE_STYLE = STYLE

function whose({ name, number, sender }: UnsubscribePage): string {
  const from = sender === null ? '' : ` from ${escapeHtml(sender)}`
  return `messages of <b>${escapeHtml(name)}</b>${from} to ${escapeHtml(number)}`
}

/** Asks; the form answers to its own address. */
export function askingPage(page: UnsubscribePage): string {
  if (page.isSuppressed) return donePage(page)
  return `<h1>Get no more messages?</h1><p>This ends ${whose(page)}.</p><form method="post"><button name="List-Unsubscribe" value="One-Click">Unsubscribe</button></form>`
}

export function donePage(page: UnsubscribePage): string {
  return `<h1>You are unsubscribed</h1><p>There will be no more ${whose(page)}.</p>`
}

export const UNKNOWN_PAGE = '<h1>This link is not valid</h1><p>Reply STOP to the message instead.</p>'
