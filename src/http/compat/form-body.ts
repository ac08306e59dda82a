/** Bodies that other gateways are posted: forms and bare texts, kept as octets. Within the scope of their routes only. */
import type { App } from '../app.js'

export function takeForms(app: App): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
}

/** The text of a form as it came. */
export function formOf(body: unknown): string {
  return Buffer.isBuffer(body) ? body.toString('latin1') : ''
}

export function queryOf(url: string): string {
  const at = url.indexOf('?')
  return at < 0 ? '' : url.slice(at + 1)
}
