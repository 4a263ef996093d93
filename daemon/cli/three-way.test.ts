import { expect, test } from 'vitest'
import { threeWay } from './three-way.ts'

const names = ['anna', 'ben'] as const

test('what one side changed, what both changed alike, and where they differ', () => {
  const base = 'a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\nm\n'
  const first = 'A\nb\nc\nd\ne\nf\ng\nh\ni\nj1\nk\nsame\nm\n'
  const second = 'a\nb\nC\nd\ne\nf\ng\nh\ni\nj2\nk\nsame\nm\n'
  expect(threeWay({ first, second, base }, names).split('\n')).toEqual([
    '1 A',
    '  b',
    '2 C',
    '  d',
    '  e',
    '  f',
    '  g',
    '  h',
    '  i',
    '<<<<<<< 1 anna',
    'j1',
    '||||||| before',
    'j',
    '=======',
    'j2',
    '>>>>>>> 2 ben',
    '  k',
    '= same',
    '  m',
  ])
})

test('a long stretch that nobody changed is left out but for some lines', () => {
  const middle = Array.from({ length: 50 }, (_, i) => `line ${i}`).join('\n')
  const view = threeWay({ first: `1\n${middle}\nx`, second: `2\n${middle}\nx`, base: `0\n${middle}\nx` }, names)
  expect(view.split('\n').slice(7)).toEqual(['  line 0', '  line 1', '  line 2', '  … 48 lines that nobody changed'])
})

test('without a base a unified diff', () => {
  const view = threeWay({ first: 'a\nb\n', second: 'a\nc\n', base: undefined }, names)
  expect(view).toContain('-b\n+c')
  expect(view).toContain('--- anna')
})

test('a text cannot steer the terminal', () => {
  const view = threeWay({ first: 'a\u001b[2J\tb', second: 'c', base: '' }, ['\u001b', 'ben'])
  expect(view).not.toContain('\u001b')
  expect(view).toContain('    b')
})
