/** Labels, fallbacks and tildes. */
import t from 'tap'
import { EngineError } from '../src/engine/contract/errors.js'
import { bindTemplate, compileTemplate, labelLookup } from '../src/engine/text/template.js'

const columns = labelLookup(['name', 'City', ' First Name ', 'Prénom'])
const render = (source: string, fields: string[]) => bindTemplate(compileTemplate(source), columns).render(fields)

t.test('labels take the value of their column, fallbacks stand in for absent and blank ones', async (t) => {
  t.equal(render('Hi ~name~ from ~City~!', ['Anna', 'Rome', 'x']), 'Hi Anna from Rome!')
  t.equal(render('~name~~City~', ['a', 'b']), 'ab')
  t.equal(render('~CITY~/~first name~', ['a', 'b', 'c']), 'b/c')
  t.equal(render('~PRENOM~', ['a', 'b', 'c', 'Zoë']), 'Zoë', 'accents and case do not make another label')
  t.equal(render('Hi ~name|friend~', ['', 'b']), 'Hi friend')
  t.equal(render('Hi ~name|friend~', [' \t\u00a0', 'b']), 'Hi friend')
  t.equal(render('Hi ~ name ~', ['Anna']), 'Hi Anna')
  t.equal(render('Hi~name|~.', ['']), 'Hi.')
  t.equal(render('~First Name|a|b~', ['', '']), 'a|b')
})

t.test('two tildes are one', async (t) => {
  t.equal(render('~~5 ~name~~~', ['x']), '~5 x~')
  t.equal(render('~~~~', []), '~~')
})

t.test('values are data', async (t) => {
  t.equal(render('~name~', ['~City~ ~~ $& $1']), '~City~ ~~ $& $1')
})

t.test('a row without a value for a label without fallback has no text, and the label is named', async (t) => {
  const bound = bindTemplate(compileTemplate('~name|x~ ~City~'), columns)
  t.equal(bound.render(['Anna', '  ']), null)
  t.equal(bound.missingLabel, 'City')
  t.equal(bound.render(['Anna']), null)
  t.equal(bound.render(['Anna', 'Rome']), 'Anna Rome')
})

t.test('what does not depend on the row is folded', async (t) => {
  t.equal(bindTemplate(compileTemplate('plain ~~ text'), columns).constant, 'plain ~ text')
  t.equal(bindTemplate(compileTemplate('a ~nowhere|b~ c'), columns).constant, 'a b c')
  t.equal(bindTemplate(compileTemplate('~name~'), columns).constant, null)
  t.same(compileTemplate('~a~ ~b|x~ ~a~').labels, ['a', 'b'])
})

t.test('what cannot be read is refused by name and position', async (t) => {
  const refused = (source: string) => {
    try {
      bindTemplate(compileTemplate(source), columns)
    } catch (error) {
      return error instanceof EngineError ? `${error.code} ${error.message}` : String(error)
    }
    return 'accepted'
  }
  t.match(refused('Hello ~name'), /^TEMPLATE_INVALID .*position 7 /)
  t.match(refused('a ~ ~ b'), /^TEMPLATE_INVALID .*position 3 /)
  t.match(refused('a ~|b~'), /^TEMPLATE_INVALID .*position 3 /)
  t.match(refused('a ~surname~'), /^TEMPLATE_LABEL_UNKNOWN .*"surname"/)
})
