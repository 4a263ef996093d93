/** Two texts and what both were made from, as lines for a terminal. Pure. */
import { createTwoFilesPatch } from 'diff'
import { diff3MergeRegions } from 'node-diff3'
import { printable } from './format.ts'

export interface Sides {
  readonly first: string
  readonly second: string
  /** Undefined: they have nothing in common. */
  readonly base: string | undefined
}

/** Lines shown around what differs. */
const CONTEXT = 3

const linesOf = (text: string): string[] => text.replace(/\n$/, '').split(/\r?\n/)

const shown = (line: string): string => printable(line.replaceAll('\t', '    '))

const marked = (mark: string, lines: readonly string[]): string[] =>
  lines.map((line) => `${mark} ${shown(line)}`.trimEnd())

/** The middle of a long unchanged stretch is left out. */
const unchanged = (lines: readonly string[], isFirst: boolean, isLast: boolean): string[] => {
  const head = isFirst ? 0 : CONTEXT
  const tail = isLast ? 0 : CONTEXT
  const left = lines.length - head - tail
  if (left <= 1) return marked(' ', lines)
  return [
    ...marked(' ', lines.slice(0, head)),
    `  … ${left} lines that nobody changed`,
    ...marked(' ', lines.slice(lines.length - tail)),
  ]
}

/**
 * `1` and `2` mark what one side alone changed, `=` what both changed alike; where they differ, first one side, then
 * what was there before, then the other. `names`: of the sides. Without a base: a unified diff.
 */
export const threeWay = ({ first, second, base }: Sides, names: readonly [string, string]): string => {
  const [one, two] = names.map(printable) as [string, string]
  if (base === undefined)
    return createTwoFilesPatch(one, two, `${first.replace(/\n$/, '')}\n`, `${second.replace(/\n$/, '')}\n`)
      .split('\n')
      .slice(1)
      .map(shown)
      .join('\n')
      .trimEnd()
  const regions = diff3MergeRegions(linesOf(first), linesOf(base), linesOf(second))
  return regions
    .flatMap((region, i) => {
      if (region.stable) {
        const { buffer, bufferContent } = region
        if (buffer === 'o') return unchanged(bufferContent, i === 0, i === regions.length - 1)
        return marked(buffer === 'a' ? '1' : '2', bufferContent)
      }
      const { aContent, oContent, bContent } = region
      if (aContent.join('\n') === bContent.join('\n')) return marked('=', aContent)
      return [
        `<<<<<<< 1 ${one}`,
        ...aContent.map(shown),
        '||||||| before',
        ...oContent.map(shown),
        '=======',
        ...bContent.map(shown),
        `>>>>>>> 2 ${two}`,
      ]
    })
    .join('\n')
}
