/** What `portScript` leaves on the window of a page. */
import type { Client } from '@connectrpc/connect'
import type { DesktopService } from '#proto/desktop_api'
import type { FolderService } from '#proto/folder_api'
import type { NodeService } from '#proto/node_api'

interface PageClients {
  readonly node: Client<typeof NodeService>
  readonly desktop: Client<typeof DesktopService>
  readonly folders: Client<typeof FolderService>
}

declare global {
  interface Window {
    /** Makes calls over a port of its own, and again over a new one when the app's page took its port back meanwhile. */
    withClients<T>(calls: (clients: PageClients) => Promise<T>): Promise<T>
  }
}
