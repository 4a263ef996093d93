/**
 * The editor of a merge's result: CodeMirror over one text that knows where each region lies in it.
 *
 * Regions are the characters between neighbouring `starts`; typing moves them. Undo is kept here, with the starts, so
 * that undoing a choice puts the regions back as well. The editor lives in a shadow root: its styles are then adopted
 * sheets, which a content policy without inline styles allows.
 */
import { Annotation, EditorState, StateEffect, StateField, type ChangeSet, type Transaction } from '@codemirror/state'
import { Decoration, EditorView, keymap, lineNumbers, type Command, type DecorationSet } from '@codemirror/view'

/** How a region shows: what it is, whether somebody decided it, and whether it is the one looked at. */
export interface RegionLook {
  readonly tone: 'none' | 'open' | 'decided' | 'taken'
  readonly isCurrent: boolean
}

const setStarts = StateEffect.define<readonly number[]>()
const setLooks = StateEffect.define<readonly RegionLook[]>()
const byProgram = Annotation.define<'choice' | 'undo' | 'redo'>()

const startsField = StateField.define<readonly number[]>({
  create: () => [0],
  update(starts, transaction) {
    const given = transaction.effects.find((effect) => effect.is(setStarts))
    if (given !== undefined) return given.value
    if (!transaction.docChanged) return starts
    const last = starts.length - 1
    // What is typed on a border belongs to the region before it.
    return starts.map((at, index) =>
      index === 0 ? 0 : index === last ? transaction.newDoc.length : transaction.changes.mapPos(at, 1),
    )
  },
})

const looksField = StateField.define<readonly RegionLook[]>({
  create: () => [],
  update: (looks, transaction) => transaction.effects.find((effect) => effect.is(setLooks))?.value ?? looks,
})

const decorate = (state: EditorState): DecorationSet => {
  const starts = state.field(startsField)
  const marks = state.field(looksField).flatMap(({ tone, isCurrent }, index) => {
    const [from, to] = [starts[index], starts[index + 1]]
    if (tone === 'none' || from === undefined || to === undefined || from === to) return []
    const mark = Decoration.line({ class: `region region-${tone}${isCurrent ? ' region-current' : ''}` })
    const lines = []
    for (let at = from; at < to;) {
      const line = state.doc.lineAt(at)
      lines.push(mark.range(line.from))
      at = line.to + 1
    }
    return lines
  })
  return Decoration.set(marks, true)
}

interface Past {
  readonly changes: ChangeSet
  readonly starts: readonly number[]
  readonly typedTo: number // where typing ended; -1: it was not typing
  readonly typed: number // characters
}
interface History {
  readonly done: readonly Past[]
  readonly undone: readonly Past[]
}

const STEPS_KEPT = 500
/** What is typed in one go is undone in one go, up to this many characters of a line. */
const TYPED_TOGETHER_MAX = 40

/** Typing that goes on where the last step ended becomes part of it. */
const goesOn = (last: Past | undefined, transaction: Transaction): boolean => {
  if (last === undefined || last.typedTo < 0 || !transaction.isUserEvent('input.type')) return false
  let isNext = true
  transaction.changes.iterChanges((from, to, _fromNew, _toNew, inserted) => {
    isNext &&= from === last.typedTo && to === from && inserted.lines === 1
  })
  return isNext && last.typed < TYPED_TOGETHER_MAX
}

const historyField = StateField.define<History>({
  create: () => ({ done: [], undone: [] }),
  update(history, transaction) {
    if (!transaction.docChanged) return history
    const past: Past = {
      changes: transaction.changes.invert(transaction.startState.doc),
      starts: transaction.startState.field(startsField),
      typedTo: transaction.isUserEvent('input.type') ? transaction.newSelection.main.head : -1,
      typed: 1,
    }
    const by = transaction.annotation(byProgram)
    if (by === 'undo') return { done: history.done.slice(0, -1), undone: [...history.undone, past] }
    if (by === 'redo') return { done: [...history.done, past], undone: history.undone.slice(0, -1) }
    const last = history.done.at(-1)
    if (last !== undefined && goesOn(last, transaction)) {
      const whole = {
        ...last,
        changes: past.changes.compose(last.changes),
        typedTo: past.typedTo,
        typed: last.typed + 1,
      }
      return { done: [...history.done.slice(0, -1), whole], undone: [] }
    }
    return { done: [...history.done, past].slice(-STEPS_KEPT), undone: [] }
  },
})

const step =
  (by: 'undo' | 'redo'): Command =>
  (view) => {
    const history = view.state.field(historyField)
    const past = (by === 'undo' ? history.done : history.undone).at(-1)
    if (past === undefined) return false
    view.dispatch({
      changes: past.changes,
      effects: setStarts.of(past.starts),
      annotations: byProgram.of(by),
      scrollIntoView: true,
    })
    return true
  }

const newLine: Command = (view) => {
  view.dispatch(view.state.replaceSelection(view.state.lineBreak), { scrollIntoView: true, userEvent: 'input' })
  return true
}

const theme = EditorView.theme({
  '&': { height: '100%', color: 'var(--colour-text)', backgroundColor: 'var(--colour-surface)' },
  '&.cm-focused': { outline: '2px solid var(--colour-accent)', outlineOffset: '-2px' },
  '.cm-scroller': { fontFamily: 'var(--font-mono)', fontSize: 'var(--font-2)', lineHeight: '1.55' },
  '.cm-line': { unicodeBidi: 'plaintext' },
  '.cm-content': { caretColor: 'var(--colour-text)' },
  '.cm-gutters': {
    backgroundColor: 'var(--colour-surface)',
    color: 'var(--colour-text-soft)',
    borderInlineEnd: '1px solid var(--colour-line)',
  },
  '.region': { boxShadow: 'inset 3px 0 0 var(--region)', backgroundColor: 'var(--region-soft)' },
  '.region-open': { '--region': 'var(--colour-warn)', '--region-soft': 'var(--colour-warn-soft)' },
  '.region-decided': { '--region': 'var(--colour-good)', '--region-soft': 'var(--colour-good-soft)' },
  '.region-taken': { '--region': 'var(--colour-line)', '--region-soft': 'transparent' },
  '.region-current': { boxShadow: 'inset 5px 0 0 var(--region)' },
})

export interface ResultEditor {
  readonly text: () => string
  /** Puts text in place of what a region has become by now. */
  readonly setRegion: (at: number, text: string) => void
  readonly setLooks: (looks: readonly RegionLook[]) => void
  readonly showRegion: (at: number) => void
  readonly destroy: () => void
}

export interface ResultEditorOptions {
  readonly host: HTMLElement
  readonly text: string
  readonly starts: readonly number[]
  readonly separator: string
  readonly label: string
  /** Called with the regions a person typed in. */
  readonly onTyped: (regions: readonly number[]) => void
}

/** The regions that the changes of a transaction touch, before them. */
const touched = (transaction: Transaction): number[] => {
  const starts = transaction.startState.field(startsField)
  const regions = new Set<number>()
  transaction.changes.iterChangedRanges((from, to) => {
    for (let index = 0; index + 1 < starts.length; index++) {
      const [start, end] = [starts[index]!, starts[index + 1]!]
      const isInside = from === to ? start < from && from <= end : start < to && from < end
      if (isInside || (from === 0 && to === 0 && index === 0)) regions.add(index)
    }
  })
  return [...regions]
}

export function createResultEditor(options: ResultEditorOptions): ResultEditor {
  const { host, text, starts, separator, label, onTyped } = options
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' })
  root.replaceChildren()
  const state = EditorState.create({
    doc: text,
    extensions: [
      EditorState.lineSeparator.of(separator),
      startsField.init(() => starts),
      looksField,
      historyField,
      EditorView.decorations.compute([startsField, looksField, 'doc'], decorate),
      lineNumbers(),
      EditorView.lineWrapping,
      EditorView.perLineTextDirection.of(true),
      EditorView.contentAttributes.of({ 'aria-label': label, spellcheck: 'false', tabindex: '0' }),
      keymap.of([
        { key: 'Mod-z', run: step('undo'), preventDefault: true },
        { key: 'Mod-y', mac: 'Mod-Shift-z', run: step('redo'), preventDefault: true },
        { key: 'Mod-Shift-z', run: step('redo'), preventDefault: true },
        { key: 'Enter', run: newLine },
      ]),
      theme,
      EditorView.updateListener.of(({ transactions }) => {
        for (const transaction of transactions)
          if (transaction.docChanged && transaction.annotation(byProgram) !== 'choice') onTyped(touched(transaction))
      }),
    ],
  })
  const parent = root.appendChild(document.createElement('div'))
  parent.style.height = '100%'
  parent.dir = 'ltr' // of the file, not of the interface; each line then has the direction of its first letter
  const view = new EditorView({ state, parent, root })
  return {
    text: () => view.state.sliceDoc(),
    setRegion: (at, insert) => view.dispatch(regionChange(view.state, at, insert)),
    setLooks: (looks) => view.dispatch({ effects: setLooks.of(looks) }),
    showRegion: (at) => {
      const from = view.state.field(startsField)[at] ?? 0
      view.dispatch({ selection: { anchor: from }, effects: EditorView.scrollIntoView(from, { y: 'center' }) })
    },
    destroy: () => view.destroy(),
  }
}

const regionChange = (state: EditorState, at: number, insert: string) => {
  const starts = state.field(startsField)
  const [from, to] = [starts[at]!, starts[at + 1]!]
  const changes = state.changes({ from, to, insert })
  const grown = changes.newLength - state.doc.length
  const moved = starts.map((start, index) => (index > at ? start + grown : start))
  return { changes, effects: setStarts.of(moved), annotations: byProgram.of('choice') }
}
