# SPDX-License-Identifier: GPL-2.0
"""Lay out in RAM what the lab's ROM (rom.S) starts: a Linux bzImage, an initrd
and one 64 KiB block with everything else a boot loader owes the kernel
(Documentation/arch/x86/boot.rst) and the MP table that lists CPUs and I/O APIC.

layout() is the only entry point. It raises BootError if the kernel or the
memory size will not do.
"""

import struct

BLOCK = 0x90000             # boot_params; the rest of the block follows
BLOCK_END = 0xa0000
CMDLINE = 0x91000
CMDLINE_MAX = 2047          # COMMAND_LINE_SIZE of x86, without the NUL
MPTABLE = 0x9fc00           # last KiB of base memory: where kernels search
CODE32 = 0x9fff4            # read by the ROM

LAPIC = 0xfee00000
IOAPIC = 0xfec00000

E820_RAM, E820_RESERVED = 1, 2
MIB = 1 << 20


class BootError(Exception):
    pass


def align(n, to):
    return (n + to - 1) // to * to


def mp_table(cpus):
    """MP 1.4 floating pointer and configuration table: CPUs with APIC ids
    0..cpus-1, one ISA bus, one I/O APIC, whose pin 2 is the timer."""
    ioapic_id = cpus
    entries = []
    for i in range(cpus):
        flags = 1 | (2 if i == 0 else 0)            # enabled, boot processor
        entries.append(struct.pack("<BBBBIIQ", 0, i, 0x14, flags, 0x600, 0x201, 0))
    entries.append(struct.pack("<BB6s", 1, 0, b"ISA   "))
    entries.append(struct.pack("<BBBBI", 2, ioapic_id, 0x11, 1, IOAPIC))
    for irq in range(16):
        if irq != 2:
            pin = 2 if irq == 0 else irq
            entries.append(struct.pack("<BBHBBBB", 3, 0, 0, 0, irq, ioapic_id, pin))
    entries.append(struct.pack("<BBHBBBB", 4, 3, 0, 0, 0, 0xff, 0))   # ExtINT
    entries.append(struct.pack("<BBHBBBB", 4, 1, 0, 0, 0, 0xff, 1))   # NMI
    body = b"".join(entries)

    def checksummed(data, at):
        return data[:at] + bytes([-sum(data) & 0xff]) + data[at + 1:]

    header = struct.pack("<4sHBB8s12sIHHIHBB", b"PCMP", 44 + len(body), 4, 0,
                         b"KVMPMU  ", b"LAB         ", 0, 0, len(entries),
                         LAPIC, 0, 0, 0)
    pointer = struct.pack("<4sIBBBBBBBB", b"_MP_", MPTABLE + 16, 1, 4, 0,
                          0, 0, 0, 0, 0)
    return checksummed(pointer, 10) + checksummed(header + body, 7)


def layout(bzimage, initrd_size, cmdline, cpus, memory):
    """Return (block, kernel, kernel_addr, initrd_addr): what to put at BLOCK,
    the protected-mode part of the bzImage, and where this and the initrd go.
    """
    if len(bzimage) < 0x268 or bzimage[0x202:0x206] != b"HdrS":
        raise BootError("not a Linux bzImage")
    version, = struct.unpack_from("<H", bzimage, 0x206)
    if version < 0x20a:
        raise BootError(f"boot protocol {version:#x} is older than 2.10")
    setup_sectors = bzimage[0x1f1] or 4
    kernel = bzimage[(setup_sectors + 1) * 512:]
    pref_address, init_size = struct.unpack_from("<QI", bzimage, 0x258)
    max_cmdline, = struct.unpack_from("<I", bzimage, 0x238)
    encoded = cmdline.encode()
    if len(encoded) > min(CMDLINE_MAX, max_cmdline):
        raise BootError(f"kernel command line is {len(encoded)} bytes long, "
                        f"at most {min(CMDLINE_MAX, max_cmdline)} fit")
    initrd_addr = align(pref_address + max(init_size, len(kernel)), 2 * MIB)
    if initrd_addr + initrd_size + 64 * MIB > memory:
        raise BootError(f"kernel and initrd ({(initrd_addr + initrd_size) // MIB} MiB)"
                        f" leave no room in {memory // MIB} MiB of memory")

    block = bytearray(BLOCK_END - BLOCK)

    def put(addr, data):
        block[addr - BLOCK:addr - BLOCK + len(data)] = data

    header_end = 0x202 + bzimage[0x201]
    put(BLOCK + 0x1f1, bzimage[0x1f1:header_end])
    put(BLOCK + 0x1fa, struct.pack("<H", 0xffff))           # vid_mode: normal
    put(BLOCK + 0x210, b"\xff")                             # type_of_loader
    loadflags = bzimage[0x211] | 0x01                       # LOADED_HIGH
    put(BLOCK + 0x211, bytes([loadflags & ~0x80 & 0xff]))   # no heap
    put(BLOCK + 0x214, struct.pack("<I", pref_address))     # code32_start
    put(BLOCK + 0x218, struct.pack("<II", initrd_addr, initrd_size))
    put(BLOCK + 0x228, struct.pack("<I", CMDLINE))
    put(CMDLINE, encoded + b"\0")

    e820 = [(0, MPTABLE, E820_RAM),
            (MPTABLE, 0x100000 - MPTABLE, E820_RESERVED),
            (0x100000, memory - 0x100000, E820_RAM)]
    put(BLOCK + 0x1e8, bytes([len(e820)]))
    for i, entry in enumerate(e820):
        put(BLOCK + 0x2d0 + 20 * i, struct.pack("<QQI", *entry))

    put(MPTABLE, mp_table(cpus))
    put(CODE32, struct.pack("<I", pref_address))
    return bytes(block), kernel, pref_address, initrd_addr
