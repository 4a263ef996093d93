/** Asking the node for the branches of a key, and moving over the drawing of them. */
import { useCallback, useEffect, useRef, useState, type KeyboardEvent, type PointerEvent } from 'react'
import { StoreService } from '#proto/store_api'
import { failureOf, wasAborted } from '../../present/failure.ts'
import { useClient } from '../../present/use-client.ts'
import { NODE_HEIGHT, NODE_WIDTH, type Placed, type Point } from './graph.ts'
import { inspected, notInspected, type Inspection } from './store.ts'
import { fitted, panned, revealing, zoomed, type Viewport } from './viewport.ts'

/** `store`, `key`: as in InspectBranchRequest. */
export function useInspection(store: string, key: string) {
  const client = useClient(StoreService)
  const [state, setState] = useState<Inspection>({ at: 'loading' })
  const [asked, setAsked] = useState(0)
  useEffect(() => {
    const stop = new AbortController()
    setState({ at: 'loading' })
    client.inspectBranch({ store, key }, { signal: stop.signal }).then(
      (response) => setState(inspected(response)),
      (thrown: unknown) => {
        if (!wasAborted(thrown, stop.signal)) setState(notInspected(failureOf(thrown)))
      },
    )
    return () => stop.abort()
  }, [client, store, key, asked])
  const reload = useCallback(() => setAsked((times) => times + 1), [])
  return { state, setState, reload }
}

/** Zooming and panning by wheel, pinch, dragging and keys; the selected node is kept in sight. */
export function useViewport(placed: Placed, selected: string) {
  const frame = useRef<HTMLDivElement>(null)
  const [view, setView] = useState<Viewport>({ scale: 1, x: 0, y: 0 })
  const fingers = useRef(new Map<number, Point>())
  const size = useCallback(() => frame.current!.getBoundingClientRect(), [])
  const fit = useCallback(() => setView(fitted(placed, size())), [placed, size])
  const zoom = useCallback(
    (factor: number, at?: Point) =>
      setView((now) => zoomed(now, factor, at ?? { x: size().width / 2, y: size().height / 2 })),
    [size],
  )
  // Another drawing, or another size of the view: all of it is shown again.
  useEffect(() => {
    const resized = new ResizeObserver(fit)
    resized.observe(frame.current!)
    return () => resized.disconnect()
  }, [fit])
  useEffect(() => {
    const centre = placed.centres.get(selected)
    if (centre !== undefined)
      setView((now) => revealing(now, centre, { width: NODE_WIDTH, height: NODE_HEIGHT }, size()))
  }, [placed, selected, size])
  useEffect(() => {
    const element = frame.current!
    // Browsers say a pinch of a touchpad as a wheel with the control key.
    const onWheel = (event: WheelEvent): void => {
      event.preventDefault()
      const { left, top } = size()
      if (event.ctrlKey || event.metaKey)
        zoom(Math.exp(-event.deltaY / 200), { x: event.clientX - left, y: event.clientY - top })
      else setView((now) => panned(now, -event.deltaX, -event.deltaY))
    }
    element.addEventListener('wheel', onWheel, { passive: false })
    return () => element.removeEventListener('wheel', onWheel)
  }, [size, zoom])
  const onPointerDown = (event: PointerEvent): void => {
    fingers.current.set(event.pointerId, { x: event.clientX, y: event.clientY })
  }
  const onPointerMove = (event: PointerEvent): void => {
    const before = fingers.current.get(event.pointerId)
    if (before === undefined) return
    const now = { x: event.clientX, y: event.clientY }
    const [other] = [...fingers.current].filter(([id]) => id !== event.pointerId).map(([, at]) => at)
    fingers.current.set(event.pointerId, now)
    if (other === undefined) return setView((shown) => panned(shown, now.x - before.x, now.y - before.y))
    const apart = (at: Point): number => Math.max(1, Math.hypot(at.x - other.x, at.y - other.y))
    const { left, top } = size()
    zoom(apart(now) / apart(before), { x: (now.x + other.x) / 2 - left, y: (now.y + other.y) / 2 - top })
  }
  const onPointerEnd = (event: PointerEvent): void => {
    fingers.current.delete(event.pointerId)
  }
  return {
    frame,
    view,
    fit,
    zoom,
    pointer: {
      onPointerDown,
      onPointerMove,
      onPointerUp: onPointerEnd,
      onPointerLeave: onPointerEnd,
      onPointerCancel: onPointerEnd,
    },
  }
}

const directions = { ArrowUp: 'up', ArrowDown: 'down', ArrowLeft: 'left', ArrowRight: 'right' } as const

/** The direction of an arrow key; undefined for other keys. */
export const directionOf = (event: KeyboardEvent) => Object.entries(directions).find(([key]) => key === event.key)?.[1]
