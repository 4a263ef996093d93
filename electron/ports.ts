/**
 * Hands ports to our page, and to no other: the sender must be the top frame of our window and show our page. A page
 * has one port; a new one ends the old one and its calls, and so does leaving the page.
 */
import { MessageChannelMain, type IpcMain, type IpcMainEvent, type MessagePortMain, type WebContents } from 'electron'
import { serveBridge, type BridgePort, type BridgeServices } from './bridge.ts'
import { PORT_CHANNEL } from './channel.ts'
import { placeIn } from './pages.ts'

const toBridgePort = (port: MessagePortMain): BridgePort => ({
  postMessage: (bytes) => port.postMessage(bytes),
  onMessage: (listener) => void port.on('message', ({ data }: { data: unknown }) => listener(data)),
  onClose: (listener) => void port.on('close', listener),
  start: () => port.start(),
  close: () => port.close(),
})

const isTrusted = ({ sender, senderFrame }: IpcMainEvent, window: WebContents | undefined): boolean =>
  senderFrame !== null &&
  sender === window &&
  senderFrame === sender.mainFrame &&
  placeIn(senderFrame.url) !== undefined

export interface Ports {
  /** Resolves when the first page has its port. */
  readonly handedOut: Promise<void>
  /** Ends the port of the page that is shown. */
  close(): void
}

/**
 * `services` is asked for each port, and may take its time; it gives undefined when there will be none. `window` is the
 * page that may have one.
 */
export const handOutPorts = (
  ipc: IpcMain,
  window: () => WebContents | undefined,
  services: () => Promise<BridgeServices | undefined>,
): Ports => {
  let closePort: (() => void) | undefined
  const close = (): void => {
    closePort?.()
    closePort = undefined
  }
  const handedOut = Promise.withResolvers<void>()
  const watched = new WeakSet<WebContents>()
  const watchLeaving = (contents: WebContents): void => {
    if (watched.has(contents)) return
    watched.add(contents)
    contents.on('did-start-navigation', ({ isMainFrame, isSameDocument }) => {
      if (isMainFrame && !isSameDocument) close()
    })
    contents.on('render-process-gone', close)
    contents.on('destroyed', close)
  }
  ipc.on(PORT_CHANNEL, (event) => {
    if (!isTrusted(event, window())) return
    watchLeaving(event.sender)
    void services().then((served) => {
      // The page may have gone meanwhile.
      if (served === undefined || event.sender.isDestroyed() || !isTrusted(event, window())) return
      close()
      const { port1, port2 } = new MessageChannelMain()
      closePort = serveBridge(toBridgePort(port2), served)
      event.senderFrame!.postMessage(PORT_CHANNEL, null, [port1])
      handedOut.resolve()
    })
  })
  return { handedOut: handedOut.promise, close }
}
