/** The way out of an email: a link at the end of its text and of its HTML; the header is written when it is sent. Pure. */
import { escapeHtml } from '../base/html.js'

interface Bodies {
  text: string
  html: string
}

/** `lead`: what stands before the link; '' = the link alone. */
export function withMailLink({ text, html }: Bodies, url: string, lead: string): Bodies {
  const before = lead === '' ? '' : `${lead} `
  return {
    text: text === '' ? '' : `${text.replace(/\s+$/, '')}\n\n${before}${url}\n`,
    html: html === '' ? '' : withParagraph(html, `<p><a href="${escapeHtml(url)}">${escapeHtml(lead || url)}</a></p>`),
  }
}

/** Within the body where it is closed, else behind it all. */
function withParagraph(html: string, paragraph: string): string {
  const end = html.toLowerCase().lastIndexOf('</body>')
  return end < 0 ? `${html}\n${paragraph}\n` : `${html.slice(0, end)}${paragraph}\n${html.slice(end)}`
}
