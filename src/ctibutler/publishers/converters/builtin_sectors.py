"""The sectors that come with ctibutler: names, other names, and which sector belongs to which.

Names, aliases and parents are those of the OpenCTI data set of sectors, from whose names upstream makes its ids; how
sectors are described is ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ctibutler.publishers.converters.sectors import Sector


@dataclass(frozen=True, slots=True)
class _Sector:
    name: str
    description: str
    aliases: tuple[str, ...] = ()
    subsectors: tuple[_Sector, ...] = ()


def sectors() -> list[Sector]:
    """The sectors of release 1.0, each before its subsectors."""
    return [
        Sector(sector.name, sector.description, sector.aliases)
        for parent in _SECTORS
        for sector in (parent, *parent.subsectors)
    ]


def subsectors() -> list[tuple[str, str]]:
    """The names of each subsector and of the sector that it belongs to."""
    return [(child.name, parent.name) for parent in _SECTORS for child in parent.subsectors]


# `&amp;` in an alias is as published.
_SECTORS: Final = (
    _Sector(
        "Agriculture and agribusiness",
        "Farms and the companies that supply them, process what they grow and bring it to market.",
        ("Agriculture", "Agribusiness", "Food Production", "Nutritional Supplements"),
    ),
    _Sector("Logistics", "Freight, warehousing and the organisation of supply chains.", ("Logistic",)),
    _Sector(
        "Culture and entertainment",
        "The arts, sports, games and everything else that people do for pleasure.",
        ("Entertainment",),
        (
            _Sector("Culture", "Museums, theatres, heritage sites and others who make or keep culture.", ("Travel",)),
            _Sector("Sports", "Clubs, associations, leagues, events and suppliers of sports.", ("Sport",)),
            _Sector(
                "Entertainment industry",
                "Producers of films, music, video games and shows.",
                ("Gaming", "Online Gaming Community"),
            ),
            _Sector("Gambling", "Casinos, lotteries and betting, on site and online."),
        ),
    ),
    _Sector(
        "Education",
        "Teaching of any level, with its institutions and administrations.",
        (),
        (
            _Sector(
                "Universities",
                "Universities, colleges and other places of higher education.",
                ("Higher education", "Academic", "Academics", "Academic Sector"),
            ),
            _Sector("Schools", "Primary and secondary schools."),
        ),
    ),
    _Sector(
        "Energy",
        "Production, storage and supply of fuel and electric power.",
        ("Natural Resources",),
        (
            _Sector(
                "Electricity",
                "Generation of electric power, its grids and its suppliers.",
                ("Electrical", "Power", "Utilities &amp; Electric"),
            ),
            _Sector(
                "Nuclear power (civilian use)",
                "Nuclear power plants for civilian use, their fuel and their waste.",
                ("Nuclear",),
            ),
            _Sector(
                "Gas",
                "Natural gas, from the search for it to its sale.",
                ("Oil and Gas", "Natural Gas Utilities", "Gas and Oil", "Oil &amp; Gas Manufacturing", "Gas And"),
            ),
            _Sector("Oil", "Crude oil and its products, from the well to the filling station.", ("Fuel",)),
            _Sector("Renewable energies", "Power from wind, sun, water and other sources that renew themselves."),
        ),
    ),
    _Sector(
        "Transport",
        "Carriers of passengers and freight, and the infrastructure that they use.",
        ("Transportation", "Shipping"),
        (
            _Sector(
                "Air transport",
                "Airlines, airports, air traffic control, aircraft makers and civilian space flight.",
                ("Aerospace", "Aviation", "Satellite", "Satellite and communications", "Airline"),
            ),
            _Sector("Rail transport", "Railways: trains, tracks, stations and their makers."),
            _Sector(
                "Maritime transport",
                "Shipping lines, ports, shipyards and sea traffic.",
                ("Marine", "Naval", "maritime"),
            ),
            _Sector("Road transport", "Road haulage, buses, roads and the makers of vehicles.", ("Automotive",)),
        ),
    ),
    _Sector(
        "Defense",
        "Armed forces, and those who equip and serve them.",
        ("Defence", "National Security"),
        (
            _Sector(
                "Defense ministries (including the military)",
                "Ministries of defense and the armed forces under them.",
                ("Military", "intelligence", "Intelligence services"),
            ),
            _Sector(
                "Defense industry", "Companies that make or sell arms and military equipment.", ("Defence industry",)
            ),
            _Sector(
                "Defense research and development",
                "Research and development for military ends.",
                ("Defence research and development",),
            ),
        ),
    ),
    _Sector(
        "Finance",
        "Institutions and services that deal with money, credit and risk.",
        ("Financial Industry (FI)", "Financial-Services", "Financial", "Financial Services"),
        (
            _Sector(
                "Banking institutions",
                "Banks that take deposits and lend, central banks among them.",
                ("Banking", "Bank", "Banks", "Banking Services", "Banking & Investment Services"),
            ),
            _Sector(
                "Financial organizations",
                "Funds, investment firms and others in finance beside banks and insurers.",
                ("investment",),
            ),
            _Sector("Insurance services", "Insurance companies and mutual insurers.", ("Insurance",)),
            _Sector(
                "Market infrastructures",
                "Exchanges, clearing houses, payment systems and securities depositories.",
                ("Trade", "Trading"),
            ),
        ),
    ),
    _Sector(
        "Diplomacy",
        "Those who conduct or shape the relations between states.",
        ("Diplomatic", "Foreign"),
        (
            _Sector(
                "Ministries of foreign affairs",
                "Foreign ministries with their embassies and consulates.",
                ("Foreign Affairs",),
            ),
            _Sector(
                "Think tanks",
                "Institutes that study and advise on international policy.",
                ("Think tank", "Thinktank", "Thinktanks"),
            ),
            _Sector(
                "International organizations",
                "Organizations whose members are states, such as the United Nations.",
                ("Diplomatic Organizations",),
            ),
        ),
    ),
    _Sector(
        "Government and administrations",
        "Executive and legislative bodies of a state, without courts, diplomats and the military.",
        ("Government", "Election", "Voting"),
        (
            _Sector(
                "Central administration and government",
                "The national government, its ministries and agencies.",
                (
                    "Government-National",
                    "Emergency-Services",
                    "Government-Public-Services",
                    "Law Enforcement",
                    "Police",
                    "Security",
                    "Critical Public",
                ),
            ),
            _Sector(
                "Local administrations",
                "Regions, districts, towns and other authorities below the national government.",
                ("Government-Local", "Government-Regional"),
            ),
            _Sector("Legislative branch (parliamentary chambers)", "Parliaments and their chambers."),
        ),
    ),
    _Sector(
        "Health",
        "Care for the sick, medicines, and the research behind both.",
        ("Healthcare",),
        (
            _Sector(
                "Healthcare services",
                "Hospitals, clinics, practices and other providers of care.",
                ("Medical", "Social Services"),
            ),
            _Sector(
                "Pharmacy and drugs manufacturing",
                "Makers and sellers of medicines.",
                ("Pharmaceuticals", "Pharmaceutical"),
            ),
            _Sector("Healthcare research", "Medical and biomedical research.", ("Biomedical",)),
        ),
    ),
    _Sector(
        "Hospitality",
        "Businesses that host guests, for a meal, a night or a holiday.",
        ("Hospitality-Leisure",),
        (
            _Sector("Lodging industry", "Hotels, hostels and other places to stay for a short time."),
            _Sector(
                "Food and drinks businesses",
                "Restaurants, bars, caterers and others who serve food and drinks.",
                ("Food", "Restaurant", "Restaurant Chains", "Beverage"),
            ),
            _Sector(
                "Travel and tourism industry",
                "Travel agencies, tour operators and attractions.",
                ("Commodities", "Tourism"),
            ),
        ),
    ),
    _Sector(
        "Technologies",
        "Makers and vendors of software, computers and electronics.",
        (
            "Technology",
            "Crypto",
            "Cryptocurrency",
            "Information Security",
            "Vulnerability Research",
            "software",
            "Software Development",
            "IT",
            "Currency Exchange",
            "Virtual Currency",
            "Bitcoin",
        ),
        (
            _Sector(
                "High-tech",
                "Advanced technology: semiconductors, robotics, nanotechnology, biotechnology.",
                ("Semiconductor", "Biotechnology", "Electronics", "High Tech", "High Technology"),
            ),
        ),
    ),
    _Sector("Judicial power (justice)", "Courts, prosecutors and others in the service of justice.", ("law",)),
    _Sector(
        "Manufacturing",
        "Makers of goods that no other sector covers.",
        ("Utilities", "industrial", "ICS", "Industrial Control Systems"),
        (
            _Sector(
                "Heavy industries",
                "Steel, chemicals and other industries that work raw materials.",
                (
                    "Chemical",
                    "Petrochemicals",
                    "Industry",
                    "Metal",
                    "Infrastructure",
                    "Critical Infrastructure",
                    "Metallurgical",
                    "metals",
                    "heavy industry",
                    "Critical Infrastructures",
                    "Textile",
                ),
            ),
            _Sector(
                "Construction",
                "Builders of houses, roads and plants, and the real estate business.",
                ("Building", "Offshore Engineering", "Offshore", "Real Estate"),
            ),
            _Sector(
                "Retail (distribution)",
                "Shops, chains, wholesalers and online stores.",
                ("Retail", "Commercial", "Distribution", "e-commerce", "Ecommerce", "commerce", "Wholesale"),
            ),
        ),
    ),
    _Sector(
        "Telecommunications",
        "Networks and services that carry speech, data and broadcasts.",
        ("Communications", "Telecommunication", "Telecom", "Telecoms"),
        (
            _Sector(
                "Digital infrastructures",
                "Internet exchanges, DNS operators, domain registries and registrars.",
                ("Cellular", "domain"),
            ),
            _Sector("Hosting service providers", "Providers of web space, servers and data centres."),
            _Sector("Internet Service providers", "Providers of access to the Internet."),
            _Sector(
                "Medias and audiovisual",
                "The press, broadcasters, online media and the people who work for them.",
                ("Media", "Journalism", "Journalists", "News", "News Media", "News &amp; Media"),
            ),
        ),
    ),
    _Sector(
        "Consulting",
        "Firms that advise others for a fee.",
        (
            "Professional services",
            "Professional & consumer services",
            "HR Services",
            "Marketing / Public Relations",
            "Marketing",
            "Public Relations",
            "Advisory",
        ),
        (
            _Sector("Legal consulting", "Law firms and other legal advisers.", ("Legal",)),
            _Sector(
                "Information Technologies Consulting",
                "Advisers on information technology and managed service providers.",
                ("Information Technology", "IT Service Providers"),
            ),
            _Sector("Engineering consulting", "Engineering offices and technical advisers.", ("Engineering",)),
        ),
    ),
    _Sector("Mining", "Extraction of ores, minerals and stone."),
    _Sector("Research", "Laboratories and research centres outside defense, diplomacy and medicine."),
    _Sector(
        "Water distribution and supply",
        "Waterworks, dams and the supply of drinking water.",
        ("Dams", "Water", "Water Treatment Plants"),
    ),
    _Sector(
        "Civil society",
        "People, and groups of people, who act for a cause without belonging to a government.",
        (),
        (
            _Sector(
                "Non-Governmental Organizations (NGOs)",
                "Charities, human-rights groups and other non-profit organizations.",
                ("NGO", "Human Rights", "Non-Profit", "Environmental", "Humanitarian", "Charitable Organizations"),
            ),
            _Sector("Citizens", "The people of a country.", ("Religion", "Religious")),
            _Sector(
                "Political parties",
                "Parties in power, in opposition or not recognised.",
                ("Political opposition", "Politics", "Political"),
            ),
            _Sector("Dissidents", "People who openly oppose those who govern them.", ("activism",)),
        ),
    ),
)
