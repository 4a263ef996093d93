/** S-expressions on lines that a person can read: only white space between words changes. */

type Expression = string | readonly Expression[]

const LINE_WIDTH = 64
/** Longer texts stay as they are: reading them is for a program. */
const CHARACTERS_MAX = 100_000
const DEPTH_MAX = 200

/** The words of an S-expression: brackets, quoted strings, atoms. */
export const wordsOf = (text: string): string[] => text.match(/[()]|"(?:[^"\\]|\\[^])*"?|[^\s()"]+/g) ?? []

/** The expressions of a text; undefined when its brackets do not match. */
function parse(words: readonly string[]): Expression[] | undefined {
  const stack: Expression[][] = [[]]
  for (const word of words) {
    if (word === '(') {
      if (stack.length > DEPTH_MAX) return undefined
      stack.push([])
    } else if (word === ')') {
      const closed = stack.pop()
      const outer = stack.at(-1)
      if (closed === undefined || outer === undefined) return undefined
      outer.push(closed)
    } else stack.at(-1)!.push(word)
  }
  return stack.length === 1 ? stack[0] : undefined
}

const flat = (expression: Expression): string =>
  typeof expression === 'string' ? expression : `(${expression.map(flat).join(' ')})`

function lay(expression: Expression, indent: number): string {
  const line = flat(expression)
  if (typeof expression === 'string' || line.length + indent <= LINE_WIDTH) return line
  const [head, ...rest] = expression
  const pad = '\n' + ' '.repeat(indent + 2)
  if (head === undefined) return line
  return `(${lay(head, indent + 1)}${rest.map((each) => pad + lay(each, indent + 2)).join('')})`
}

export function prettySexpr(text: string): string {
  if (text.length > CHARACTERS_MAX) return text
  const expressions = parse(wordsOf(text))
  return expressions === undefined ? text : expressions.map((each) => lay(each, 0)).join('\n')
}
