import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { err, latticeError, ok } from '#kernel/core/result.ts'
import { WordsAnswers } from './words-answers.ts'

/** A person who types to a node that knows the words of these ids. */
const typing = (...known: readonly string[]) => {
  const input = new PassThrough()
  const said: string[] = []
  const answers = new WordsAnswers({
    input,
    tell: async (id, match) => {
      said.push(`${id}: ${match}`)
      return known.includes(id) ? ok({}) : err(latticeError('join-not-found', 'permanent', 'not these words any more'))
    },
    note: (text) => said.push(text),
  })
  /** Resolves once the line was heard and told; undefined: the end of the input. */
  const type = (line: string | undefined): Promise<void> => {
    if (line === undefined) input.end()
    else input.write(`${line}\n`)
    // A turn of the event loop: all that the line set going, in this process alone, has come to rest.
    return new Promise((resolve) => setImmediate(resolve))
  }
  return { said, answers, type }
}

test('a line answers for the words shown last; what makes no sense is said', async () => {
  const { said, answers, type } = typing('first', 'second')
  await type('y')
  answers.show('first')
  await type('maybe')
  await type(' Yes ')
  answers.show('second')
  await type('n')
  await type('yesno')
  expect(said).toEqual([
    'There are no words to compare yet.',
    'Answer “y” or “n”.',
    'first: true',
    'second: false',
    'Answer “y” or “n”.',
  ])
  await type(undefined)
  expect(answers.ended.aborted).toBe(false)
})

test('it is over when the input ends before the words shown were answered, now or later', async () => {
  const silent = typing('first')
  silent.answers.show('first')
  expect(silent.answers.ended.aborted).toBe(false)
  await silent.type(undefined)
  expect(silent.answers.ended.aborted).toBe(true)

  const early = typing('first')
  await early.type(undefined)
  expect(early.answers.ended.aborted).toBe(false)
  early.answers.show('first')
  expect(early.answers.ended.aborted).toBe(true)

  const answered = typing('first', 'second')
  answered.answers.show('first')
  await answered.type('y')
  await answered.type(undefined)
  answered.answers.show('first')
  expect(answered.answers.ended.aborted).toBe(false)
  answered.answers.show('second')
  expect(answered.answers.ended.aborted).toBe(true)
})

test('an answer that came too late for its words is none', async () => {
  const { said, answers, type } = typing()
  answers.show('first')
  await type('y')
  expect(said).toEqual(['first: true', 'not these words any more'])
  await type(undefined)
  expect(answers.ended.aborted).toBe(true)
})

test('nothing is over once the join is', async () => {
  const { answers, type } = typing('first')
  answers.show('first')
  answers[Symbol.dispose]()
  await type(undefined)
  expect(answers.ended.aborted).toBe(false)
})
