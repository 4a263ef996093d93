/** A dialog over the page. Whoever shows it holds `isOpen`; Escape and a click beside it close it. */
import type { ReactNode } from 'react'
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from 'react-aria-components'
import css from './dialog.module.css'
import layout from './layout.module.css'

interface DialogProps {
  readonly title: string
  readonly isOpen: boolean
  readonly onClose: () => void
  readonly children: ReactNode
  /** Buttons, the one that goes ahead last. */
  readonly actions?: ReactNode
  readonly wide?: boolean
  /** For what takes something away: it is announced as an alert. */
  readonly alert?: boolean
}

export const Dialog = ({ title, isOpen, onClose, children, actions, wide = false, alert = false }: DialogProps) => (
  <ModalOverlay
    className={css['overlay']}
    isOpen={isOpen}
    isDismissable
    onOpenChange={(open) => {
      if (!open) onClose()
    }}
  >
    <Modal className={[css['modal'], wide ? css['wide'] : undefined].filter(Boolean).join(' ')}>
      <AriaDialog className={css['dialog']} role={alert ? 'alertdialog' : 'dialog'}>
        <Heading slot="title" level={2} className={css['title']}>
          {title}
        </Heading>
        <div className={css['body']}>{children}</div>
        {actions !== undefined && <div className={layout['actions']}>{actions}</div>}
      </AriaDialog>
    </Modal>
  </ModalOverlay>
)
